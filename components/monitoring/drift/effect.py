"""What one test finds: a size that thresholds are held to, and how often chance alone gives as much."""

from typing import NamedTuple


class Effect(NamedTuple):
    """The outcome of one test on two samples."""

    size: float | None
    """None where the test cannot say; ``reason`` says why."""
    p_value: float | None = None
    """None for tests that have none."""
    reason: str = ""


def nothing(reason: str) -> Effect:
    """Make the outcome of a test that cannot say.

    >>> nothing("one value only").size is None
    True
    """
    return Effect(None, None, reason)
