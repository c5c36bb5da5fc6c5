"""Synthetic tables: rows like a use case's real ones, with a privacy guarantee, plain, or from its schema alone."""
