"""Synthetic tables beside the real one: how like it, how useful, and how near to the people in it."""
