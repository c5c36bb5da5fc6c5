"""Rows drawn with replacement: the rounds from which intervals are read."""

from collections.abc import Iterator

import numpy as np

from components.core.contracts import Estimate, FloatArray

MINIMUM_ROWS = 50
"""Fewer rows say too little about an average."""

CELLS = 2_000_000
"""Weights held at once: 16 MB."""

TOO_FEW = f"needs {MINIMUM_ROWS} rows"


def draws(n: int, rounds: int, seed: int) -> Iterator[FloatArray]:
    """Say how often each round holds each of n rows, in portions of shape (m, n)."""
    rng = np.random.default_rng(seed)
    left = rounds
    while left > 0:
        size = min(left, max(1, CELLS // n))
        drawn = rng.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        left -= size


def mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Average k columns over n rows, weighted.

    Args:
        values: shape (n, k).
        weights: shape (n,).
    """
    average: FloatArray = np.einsum("n,nk->k", weights, values) / weights.sum()
    return average


def means(values: FloatArray, weights: FloatArray, rounds: int, seed: int) -> FloatArray:
    """Average k columns over the rows of each round, shape (rounds, k).

    Rows count as independent. Statistics of several columns that are taken from one result are paired: they are of the
    same draws (Efron and Tibshirani, "An introduction to the bootstrap", 1993).

    >>> means(np.ones((60, 1)), np.ones(60), 2, 7).tolist()
    [[1.0], [1.0]]
    """
    found = []
    for drawn in draws(len(values), rounds, seed):
        w = drawn * weights
        # Not by BLAS, whose last bits depend on how many threads it has.
        found.append(np.einsum("bn,nk->bk", w, values) / w.sum(axis=1)[:, None])
    return np.concatenate(found)


def ends(rounds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 2.5th and the 97.5th percentile over the rounds, which are the first axis."""
    low, high = np.quantile(rounds, [0.025, 0.975], axis=0)
    return low, high


def estimate(value: float, rounds: FloatArray, n: int) -> Estimate:
    """Put a value and its rounds, shape (m,), into an estimate; NaN, in the value or in every round, is no data.

    The interval is widened to hold the value where a statistic leans (Spearman's correlation does, near 1).
    """
    known = rounds[np.isfinite(rounds)]
    if not np.isfinite(value) or not len(known):
        return Estimate(value=None, n=n)
    low, high = ends(known)
    return Estimate(value=float(value), low=min(float(low), float(value)), high=max(float(high), float(value)), n=n)
