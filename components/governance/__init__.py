"""Across all stages: the reports that are generated from the records, never typed."""
