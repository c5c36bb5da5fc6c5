"""Intervals of shares, of their differences and ratios, for one pair of groups and for all pairs of several at once.

Everything is in closed form: the same counts give the same interval, at no cost, and also where a share is 0 or 1 and
a bootstrap would give an interval without width.
"""

from functools import cache

import numpy as np
from scipy.stats import norm, studentized_range

from components.core.contracts import FloatArray

LEVEL = 0.95

Limits = tuple[FloatArray, FloatArray]


def z_of(level: float = LEVEL) -> float:
    """Return how many standard errors an interval of that level reaches to either side.

    >>> round(z_of(), 2)
    1.96
    """
    return float(norm.ppf((1 + level) / 2))


@cache
def z_of_pairs(groups: int, level: float = LEVEL) -> float:
    """Return the same for the differences of all pairs of so many groups, which shall hold together.

    From the studentised range (Tukey), as Agresti, Bini, Bertaccini and Ryu, "Simultaneous confidence intervals for
    comparing binomial parameters", Biometrics 64 (2008) use it for shares; for groups of unequal size it errs on the
    wide side (Hayter, Annals of Statistics 12, 1984).

    >>> [round(z_of_pairs(k), 2) for k in (2, 4, 9)]
    [1.96, 2.57, 3.1]

    Args:
        groups: at least 2.
        level: with which all of them hold.
    """
    return float(studentized_range.ppf(level, groups, np.inf)) / float(np.sqrt(2))


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


def ratio_limits(a: FloatArray, a_limits: Limits, b: FloatArray, b_limits: Limits) -> Limits:
    """Put the interval of a / b together from those of a and b, none below 0, which come from different rows.

    Donner and Zou, "Closed-form confidence intervals for functions of the normal mean and standard deviation",
    Statistical Methods in Medical Research 21 (2012), section 2: the limits of a - r b at 0, solved for r. The high end
    is infinite where b may be 0.
    """
    (la, ua), (lb, ub) = a_limits, b_limits
    with np.errstate(divide="ignore", invalid="ignore"):
        low = (a * b - np.sqrt(np.maximum(0, (a * b) ** 2 - la * ub * (2 * a - la) * (2 * b - ub)))) / (
            ub * (2 * b - ub)
        )
        high = (a * b + np.sqrt(np.maximum(0, (a * b) ** 2 - ua * lb * (2 * a - ua) * (2 * b - lb)))) / (
            lb * (2 * b - lb)
        )
        # Where 2 b = ub the equation for the low end is linear.
        linear = la * (2 * a - la) / (2 * a * b)
    low = np.where(np.isclose(ub, 2 * b), linear, low)
    low = np.where(a == 0, 0.0, low)
    return low, np.where(lb <= 0, np.inf, high)
