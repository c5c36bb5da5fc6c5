"""Explanations: how much each feature moved a score, and whether that can be believed."""
