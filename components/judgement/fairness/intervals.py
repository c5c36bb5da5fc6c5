"""Intervals for all pairs of several groups at once, and of ratios.

Everything is in closed form: the same counts give the same interval, at no cost, and also where a share is 0 or 1 and
a bootstrap would give an interval without width.
"""

from functools import cache

import numpy as np
from scipy.stats import studentized_range

from components.core.contracts import FloatArray
from components.training.shares import LEVEL, Limits


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
