"""Intervals of shares and of their differences, in closed form: they hold for few rows, and for shares of 0 and 1."""

import numpy as np
from scipy.stats import norm

from components.core.contracts import FloatArray

LEVEL = 0.95

Limits = tuple[FloatArray, FloatArray]


def z_of(level: float = LEVEL) -> float:
    """Return how many standard errors an interval of that level reaches to either side.

    >>> round(z_of(), 2)
    1.96
    """
    return float(norm.ppf((1 + level) / 2))


def share_limits(share: FloatArray, n: FloatArray, z: float) -> Limits:
    """Return the score interval of each share (Wilson, JASA 22, 1927).

    Args:
        share: any shape; NaN gives NaN.
        n: rows that each rests on, the effective number where rows are weighted; above 0.
        z: standard errors, see ``z_of``.
    """
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n the end is the share itself; rounding must not put it on the other side.
    return np.clip(np.minimum(share, middle - half), 0, 1), np.clip(np.maximum(share, middle + half), 0, 1)


def wilson(hits: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Return the score interval of one share (Wilson, JASA 22, 1927).

    >>> tuple(round(end, 3) for end in wilson(5, 100))
    (0.022, 0.112)

    Args:
        hits: how many of n; parts where rows are weighted.
        n: above 0.
        level: how often such intervals hold the truth.
    """
    low, high = share_limits(np.array(hits / n), np.array(float(n)), z_of(level))
    return float(low), float(high)


def difference_limits(a: FloatArray, a_limits: Limits, b: FloatArray, b_limits: Limits) -> Limits:
    """Put the interval of a - b together from those of a and b, which come from different rows.

    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
    (1998), method 10; of any two estimates: Zou and Donner, "Construction of confidence limits about effect measures",
    Statistics in Medicine 27 (2008).

    >>> a, b = np.array([56 / 70]), np.array([48 / 80])
    >>> of_a, of_b = share_limits(a, np.array([70]), 1.96), share_limits(b, np.array([80]), 1.96)
    >>> low, high = difference_limits(a, of_a, b, of_b)
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.0524, 0.3339)
    """
    low = a - b - np.hypot(a - a_limits[0], b_limits[1] - b)
    high = a - b + np.hypot(a_limits[1] - a, b - b_limits[0])
    return low, high


def newcombe(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the difference of two shares of different rows, each as (hits, n); see above.

    >>> tuple(round(end, 4) for end in newcombe((56, 70), (48, 80)))
    (0.0524, 0.3339)
    """
    (a, of_a), (b, of_b) = ((np.array(h / n), wilson(h, n, level)) for h, n in (first, second))
    low, high = difference_limits(a, (np.array(of_a[0]), np.array(of_a[1])), b, (np.array(of_b[0]), np.array(of_b[1])))
    return float(low), float(high)
