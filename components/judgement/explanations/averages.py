"""Averages with intervals by Student's t, for groups too many to be drawn anew one by one."""

import numpy as np
from scipy import stats

from components.core.contracts import Estimate, FloatArray

MINIMUM_ROWS = 10
"""Fewer rows give no interval."""


def average(values: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Average k columns over n rows.

    Args:
        values: shape (n, k).
        weights: how many rows each stands for, shape (n,).

    Returns:
        Means, shape (k,); their squared standard errors; the effective number of rows (Kish, "Survey Sampling", 1965).
    """
    total = weights.sum()
    mean = np.einsum("n,nk->k", weights, values) / total
    effective = float(total**2 / (weights**2).sum())
    variance = np.einsum("n,nk->k", weights, (values - mean) ** 2) / total
    return mean, variance / max(effective - 1, 1), effective


def of(values: FloatArray, weights: FloatArray) -> Estimate:
    """Estimate the mean of n values; no data below ``MINIMUM_ROWS``.

    >>> str(of(np.array([1.0, 2.0, 3.0, 4.0] * 5), np.ones(20)))
    '2.5000 [1.9632, 3.0368] (n=20)'
    """
    n = len(values)
    if n < MINIMUM_ROWS:
        return Estimate(value=None, n=n)
    mean, square, effective = average(values[:, None], weights)
    reach = float(stats.t.ppf(0.975, effective - 1) * np.sqrt(square[0]))
    return Estimate(value=float(mean[0]), low=float(mean[0]) - reach, high=float(mean[0]) + reach, n=n)


def difference(
    first: tuple[FloatArray, FloatArray], second: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return how much the means of the first rows lie above those of the second, and how far the interval reaches.

    Welch's interval: the two may spread differently (B. L. Welch, Biometrika 34, 1947).

    Args:
        first: values, shape (n, k), and weights, shape (n,); two rows at least.
        second: the same of other rows.
    """
    (a, u, n), (b, v, m) = average(*first), average(*second)
    square = u + v
    below = u**2 / max(n - 1, 1) + v**2 / max(m - 1, 1)
    freedom = np.divide(square**2, below, out=np.full_like(square, max(n + m - 2, 1)), where=below > 0)
    reach: FloatArray = stats.t.ppf(0.975, np.maximum(freedom, 1)) * np.sqrt(square)
    return a - b, reach
