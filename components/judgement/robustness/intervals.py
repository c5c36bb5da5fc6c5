"""Estimates of shares with 95 % intervals that hold for few rows, and for shares of 0 and 1."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm

from components.core.contracts import Estimate, FloatArray
from components.training.shares import wilson

LEVEL = 0.95
Z = float(norm.ppf(0.5 + LEVEL / 2))

Mask = npt.NDArray[np.bool_]


def share(hits: Mask) -> Estimate:
    """Estimate how often something happens, with Wilson's score interval.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    >>> print(share(np.array([False] * 10)))
    0.0000 [0.0000, 0.2775] (n=10)

    Args:
        hits: shape (n,), whether it happened; without rows there is no value.
    """
    n = len(hits)
    if n == 0:
        return Estimate(value=None, n=0)
    low, high = wilson(int(hits.sum()), n)
    return Estimate(value=float(hits.mean()), low=low, high=high, n=n)


def difference_of_pairs(ours: Mask, theirs: Mask) -> Estimate:
    """Estimate how much more often something happens to us than to them, on the same rows.

    Wald's interval for matched pairs after half a row was added to each of the four cells, so that it does not shrink
    to nothing where no row differs. Source: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing
    matched proportions", Statistics in Medicine 24 (2005).

    >>> print(difference_of_pairs(np.array([True] * 3 + [False] * 97), np.array([False] * 100)))
    0.0300 [-0.0086, 0.0674] (n=100)

    Args:
        ours: shape (n,), whether it happened to ours.
        theirs: shape (n,), whether it happened to theirs.
    """
    n = len(ours)
    if n == 0:
        return Estimate(value=None, n=0)
    only_ours, only_theirs, total = (ours & ~theirs).sum() + 0.5, (theirs & ~ours).sum() + 0.5, n + 2.0
    centre = (only_ours - only_theirs) / total
    half = Z * np.sqrt(only_ours + only_theirs - (only_ours - only_theirs) ** 2 / total) / total
    value = float(ours.mean() - theirs.mean())
    low, high = max(-1.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n)


def median(values: Sequence[int] | FloatArray) -> Estimate:
    """Estimate a median, with the interval between two of the ordered values that holds whatever their distribution.

    Fewer than six values have no such interval. Source: W. J. Conover, Practical Nonparametric Statistics (1999), 3.2.

    >>> print(median([5, 3, 8, 1, 9, 2, 7, 4, 6]))
    5.0000 [2.0000, 8.0000] (n=9)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    # The largest k for which fewer than k of n values lie below the median with at most 2.5 % probability.
    k = int(binom.ppf((1 - LEVEL) / 2, n, 0.5)) if n else 0
    if k == 0:
        return Estimate(value=None, n=n)
    return Estimate(value=float(np.median(ordered)), low=float(ordered[k - 1]), high=float(ordered[n - k]), n=n)


def percentiles(values: FloatArray, n: int) -> Estimate:
    """Make an estimate of a bootstrap: the value on all rows comes first, then one for each draw, NaN without one.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    >>> print(percentiles(np.array([0.5, 0.4, 0.6, np.nan]), 80))
    0.5000 [0.4050, 0.5950] (n=80)
    """
    low, high = np.nanquantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=float(values[0]), low=float(low), high=float(high), n=n)


def draws(n: int, rounds: int, seed: int) -> FloatArray:
    """Say how often each of ``rounds`` draws with replacement holds each of n rows; ones come first.

    Returns:
        Shape (1 + rounds, n).
    """
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(rounds)]
    return np.stack([np.ones(n), *drawn]).astype(np.float64)
