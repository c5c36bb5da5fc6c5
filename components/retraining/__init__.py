"""Retraining: from findings to a decision, and from a decision to one training run."""
