"""A known way in which data go wrong, as it was found in a column; and how alike two samples are."""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray

LEAST_ROWS = 30
"""Fewer values on a side fit too many patterns."""
APART = 0.2
"""Distance, beside what chance allows, below which samples are too much alike for a pattern to explain anything."""
ALIKE = 0.12
"""Distance, likewise, up to which a pattern explains a sample: the world may have moved too …"""
LEFT = 0.35
"""… and share of the distance that it may leave unexplained."""


@dataclass(frozen=True)
class Pattern:
    """What was found.

    Args:
        name: ``unit``, ``sign``, ``constant``, ``empty``, ``filled``, ``sentinel``, ``respelled``, ``renamed``,
            ``swapped``, ``day_and_month``, ``shifted``, ``column_gone``, ``type_changed``.
        reason: in words.
        certain: False where the world can do the same, so that only a change in one day makes it a fault.
    """

    name: str
    reason: str
    certain: bool = True


def ks(before: FloatArray, now: FloatArray) -> float:
    """Largest distance between the distribution functions of two samples without NaN (Kolmogorov and Smirnov).

    >>> ks(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    both = np.sort(np.concatenate([before, now]))
    below = [np.searchsorted(np.sort(side), both, side="right") / len(side) for side in (before, now)]
    return float(np.abs(below[0] - below[1]).max())


def chance(n: int, m: int) -> float:
    """Distance that two samples of the same kind exceed in one of a hundred cases, for n and m rows."""
    return 1.63 * float(np.sqrt(1 / n + 1 / m))


def explains(before: FloatArray, now: FloatArray, undone: FloatArray) -> bool:
    """Say whether the current values are like the reference once a pattern is undone, and were not without that."""
    apart, by_chance = ks(before, now), chance(len(before), len(now))
    if apart < APART + by_chance:
        return False
    left = ks(before, undone)
    return left <= ALIKE + by_chance and left <= LEFT * apart


def known(values: FloatArray) -> FloatArray:
    """Leave out NaN."""
    return values[~np.isnan(values)]
