"""Drift: how far the newest rows lie from a reference, one definition for each test."""
