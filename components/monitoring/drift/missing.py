"""The test of what is not there: the share of rows without a value."""

import math

import numpy as np
import polars as pl
from scipy import stats

from components.monitoring.drift.effect import Effect


def count_missing(values: pl.Series) -> int:
    """Count the rows without a value: null, and NaN among numbers.

    >>> count_missing(pl.Series([1.0, None, float("nan")]))
    2
    """
    nan = int(values.is_nan().sum()) if values.dtype.is_float() else 0
    return values.null_count() + nan


def missing_share(reference: tuple[int, int], current: tuple[int, int]) -> Effect:
    """Tell how far the share of missing values has moved, up or down, and test the two proportions.

    The p-value is that of the two-sided z-test with a pooled variance, or Fisher's exact one where either side expects
    fewer than five missing, or fewer than five known, values.

    Args:
        reference: missing values, rows; at least one row.
        current: likewise.

    >>> effect = missing_share((0, 1000), (50, 1000))
    >>> effect.size, effect.p_value < 1e-6
    (0.05, True)
    """
    (a, n), (b, m) = reference, current
    size = abs(b / m - a / n)
    pooled = (a + b) / (n + m)
    if pooled in (0.0, 1.0):
        return Effect(size, 1.0)
    if min(n, m) * min(pooled, 1 - pooled) < 5:
        return Effect(size, min(1.0, float(stats.fisher_exact(np.array([[a, n - a], [b, m - b]])).pvalue)))
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return Effect(size, float(2 * stats.norm.sf(size / error)))
