"""Bets that begin anew along the way, so that a difference that begins late is found soon."""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray
from components.rollout.statistics.betting import STAKES, IntArray, Payoffs, Stakes, growth

PACE = 3.0
"""How slowly the money for later starts thins out; little depends on it."""


@dataclass(frozen=True)
class Starts:
    """When bets begin, and with which part of the money; all known before the first observation.

    Args:
        every: observations between two starts.
        first: part of the money that is bet from the first observation on. The rest is for the later starts: of it
            ``PACE / (PACE + log(j))`` is still kept when j starts, the first one counted, have come.
    """

    every: int = 500
    first: float = 0.75

    def kept(self, n: int) -> FloatArray:
        """Return what is not yet bet after each of the starts that n observations bring, shape (1 + n // every,).

        >>> Starts(every=10, first=0.75).kept(20).round(3).tolist()
        [0.25, 0.203, 0.183]
        """
        kept: FloatArray = (1 - self.first) * PACE / (PACE + np.log(np.arange(1.0, n // self.every + 2)))
        return kept


STARTS = Starts()
"""A bet from the first request on, which early harm is found by, and one more every 500 requests."""


def log_e_above_restarted(
    payoffs: Payoffs,
    null: float,
    stakes: Stakes = STAKES,
    looks: IntArray | slice = slice(None),
    starts: Starts = STARTS,
) -> FloatArray:
    """Bet that the mean is above ``null``, or came to be so later; return the logarithm of the money.

    A bet that has been held since the beginning loses while nothing is wrong, and has to win that back when something
    goes wrong at last. So the money is split over starts: one part is bet as ``log_e_above`` bets it, and the others
    lie idle until their start and are bet in the same way from then on. What each part becomes is an e-process against
    the same statement, "the mean of each observation, given those before, is at most ``null``", and so is their sum: it
    ever exceeds ``1 / a`` with probability ``a`` at most, whenever one looks. (J. Shin, A. Ramdas and A. Rinaldo,
    "E-detectors: a nonparametric framework for sequential change detection", New England Journal of Statistics in Data
    Science, 2023, mix starts likewise.) It is never below ``starts.first`` of what ``log_e_above`` makes.

    Args:
        payoffs: shape (…, n).
        null: the mean that is bet against.
        stakes: sizes of the bets.
        looks: which observations to return the money after; all unless told.
        starts: when bets begin.

    Returns:
        Shape (…, looks).

    >>> tails_then_heads = np.repeat([-1.0, 1.0], [2000, 30])
    >>> coins = Payoffs(tails_then_heads, np.full(2030, -1.0), np.ones(2030), np.ones(2030))
    >>> bool(log_e_above_restarted(coins, 0.0)[-1] > np.log(1000))
    True
    """
    n = payoffs.value.shape[-1]
    kept = starts.kept(n)
    begun = (np.arange(1, n + 1) // starts.every)[looks]
    # Divided by the growth up to a start, the growth of a bet up to any later time is that since the start.
    before = np.arange(1, len(kept)) * starts.every - 1
    part = np.log(np.append(starts.first, kept[:-1] - kept[1:]))
    money: FloatArray = np.log(kept)[begun]
    for size, weight in zip(stakes.size, stakes.weight, strict=True):
        grown = growth(payoffs, null, size)
        nothing = np.zeros((*grown.shape[:-1], 1))
        bought = np.logaddexp.accumulate(part - np.concatenate([nothing, grown[..., before]], axis=-1), axis=-1)
        money = np.logaddexp(money, grown[..., looks] + bought[..., begun] + np.log(weight))
    return money
