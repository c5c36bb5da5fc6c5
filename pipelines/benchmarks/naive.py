"""The test that must not be looked at twice, looked at a hundred times: what the other figures are held against."""

import numpy as np
from scipy import stats

from components.core.contracts import FloatArray
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import IntArray


def naive_z(candidate: BoolArray, value: FloatArray, looks: IntArray) -> FloatArray:
    """Compare the plain rates of both sides at each look, as dashboards do.

    Args:
        candidate: shape (runs, n).
        value: shape (runs, n), 0 or 1.
        looks: requests before each look, less 1.

    Returns:
        The two-proportion z, pooled, of shape (runs, looks); above 0 the candidate is worse, 0 where nothing happened.

    >>> who, bad = np.tile([True, False], (1, 50)), np.tile([1.0, 0.0], (1, 50))
    >>> naive_z(who, bad, np.array([99])).round(6).tolist()
    [[10.0]]
    """
    seen = (looks + 1).astype(np.float64)
    ours = np.cumsum(candidate, axis=1)[:, looks].astype(np.float64)
    bad = np.cumsum(value, axis=1)[:, looks]
    our_bad = np.cumsum(value * candidate, axis=1)[:, looks]
    theirs, rate = seen - ours, bad / seen
    variance = rate * (1 - rate) * seen / np.maximum(ours * theirs, 1.0)
    known = (ours > 0) & (theirs > 0) & (variance > 0)
    difference = our_bad / np.maximum(ours, 1.0) - (bad - our_bad) / np.maximum(theirs, 1.0)
    z: FloatArray = np.where(known, difference / np.sqrt(np.where(known, variance, 1.0)), 0.0)
    return z


def ever_significant(z: FloatArray, level: float) -> BoolArray:
    """Say for each run whether any look was significant at the level, both sides together; z of shape (runs, looks)."""
    found: BoolArray = (np.abs(z) > stats.norm.ppf(1 - level / 2)).any(axis=1)
    return found
