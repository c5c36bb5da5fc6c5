"""Confidence sequences: intervals that hold the truth at all looks at once."""

import math

from scipy import optimize

from components.rollout.statistics.betting import STAKES, Payoffs, Stakes, Upward

TOLERANCE = 1e-6
"""Of the ends, in the payoffs' unit, whose range is about 1."""


def interval(payoffs: Payoffs, alpha: float, stakes: Stakes = STAKES) -> tuple[float, float]:
    """Collect the means that no bet has refuted so far.

    A mean is out when betting that the truth lies above it, or below it, has made ``2 / alpha`` of 1. Since neither
    happens to the true mean with a probability over ``alpha / 2``, at any time, the intervals after each observation
    hold it all at once with probability ``1 - alpha``, whether or not one looks, stops or goes on. So the low end is
    above a number exactly when ``log_e_above`` against that number exceeds ``log(2 / alpha)``.

    Args:
        payoffs: shape (n,); the mean is within -1 and 1.
        alpha: probability, at most, of the true mean ever being outside.

    Returns:
        Low and high end, within -1 and 1.

    >>> import numpy as np
    >>> low, high = interval(Payoffs(np.full(400, 0.1), np.full(400, -1.0), np.ones(400), np.ones(400)), 0.05)
    >>> low < 0.1 < high, round(high - low, 2)
    (True, 0.03)
    """
    return _low_end(payoffs, alpha, stakes), -_low_end(payoffs.mirrored(), alpha, stakes)


def _low_end(payoffs: Payoffs, alpha: float, stakes: Stakes) -> float:
    upward, wanted = [Upward(payoffs, stakes)], math.log(2 / alpha)

    def short(mean: float) -> float:
        return upward[0].log_e(mean) - wanted

    if short(-1.0) < 0:
        return -1.0
    if short(1.0) > 0:
        return 1.0
    try:
        # The money falls as the mean rises.
        return float(optimize.brentq(short, -1.0, 1.0, xtol=TOLERANCE))
    finally:
        # SciPy's wrapper around a function refers to itself: without this, 13 numbers for each observation would stay
        # until Python looks for circles, which at hundreds of thousands of requests is a gigabyte after a few looks.
        upward.clear()
