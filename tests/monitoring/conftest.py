"""A model under watch, shared by the tests that look at it."""

from tests.monitoring.served import judged_bundle, loans, log, watched, yearly

__all__ = ["judged_bundle", "loans", "log", "watched", "yearly"]
