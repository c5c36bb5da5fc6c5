"""Recourse: why a case was declined, told in plain words, and what the person could do about it."""
