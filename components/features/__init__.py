"""VALIDATED → FEATURES: the one transform, and entity histories as they were known at the time."""
