"""Traffic planes: one file for each way of sharing requests out."""
