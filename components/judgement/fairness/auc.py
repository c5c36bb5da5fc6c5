"""The area under the ROC curve of a score, with its interval in closed form."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from components.core.contracts import Estimate, FloatArray
from components.training.shares import LEVEL, z_of


def auc(score: FloatArray, member: npt.NDArray[np.bool_], level: float = LEVEL) -> Estimate:
    """Estimate the chance that a member scores above a row that is none, ties counting half.

    The standard error is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), by midranks as in Sun and Xu
    (IEEE Signal Processing Letters 21, 2014); the interval is taken on the logit scale, which keeps it within 0 and 1.

    >>> member = np.array([False, False, True, False, True, True])
    >>> auc(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), member).value
    0.8888888888888888

    Args:
        score: shape (n,).
        member: shape (n,); without two of either kind there is no value.
        level: of the interval.
    """
    ones, others = score[member], score[~member]
    m, n = len(ones), len(others)
    if min(m, n) < 2:
        return Estimate(value=None, n=m + n)
    ranks = rankdata(np.concatenate([ones, others]))
    above = (ranks[:m] - rankdata(ones)) / n
    below = 1 - (ranks[m:] - rankdata(others)) / m
    value = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    if value in (0.0, 1.0):
        # Told apart without one mistake: what can be said is that of the rarer side each was (rule of three).
        room = 3 / min(m, n)
        return Estimate(value=value, low=max(0.0, value - room), high=min(1.0, value + room), n=m + n)
    logit, half = np.log(value / (1 - value)), z_of(level) * error / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (logit - half, logit + half))
    return Estimate(value=value, low=low, high=high, n=m + n)
