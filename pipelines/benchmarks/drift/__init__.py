"""Benchmark of the drift engine beside its peers."""
