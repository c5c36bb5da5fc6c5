"""Monitoring: from logged predictions and late labels to findings and alerts."""
