"""An always-valid test of a stream's mean: the promise about false alarms holds however often one looks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.monitoring.detectors.detector import Baseline, Detector, Direction, State, require
from components.rollout.statistics.betting import STAKES, Payoffs, Stakes, growth
from components.rollout.statistics.restarts import STARTS, Starts

ALPHA = 0.01
"""Probability, at most, of ever calling drift on a stream that keeps to its baseline."""

WARNING = 0.1
"""The same for a warning."""


class Sequential(Detector):
    """Bets that the mean has left what is tolerated around its baseline, and calls drift once the bets have won.

    The statement bet against is "the mean of each value, given those before, is at most ``mean + tolerated``", and with
    ``both`` also "… and at least ``mean - tolerated``", for which half of the money is kept. While it is true, the
    money ever exceeds ``1 / alpha`` with a probability of ``alpha`` at most, over all values of all time together: one
    may look after each. The bets are those of rollouts, begun anew along the way so that a change that comes late is
    found soon; ``components.rollout.statistics`` has them and their sources. Values may have any distribution within 0
    and 1, and need not be independent of each other.

    Drift is not forgotten: what has been refuted stays refuted until there is another baseline, and so another test.

    Args:
        baseline: what the stream is held to, within 0 and 1.
        direction: ``up`` or ``both``.
        alpha: the promise.

    Raises:
        FairleadError: the baseline is not within 0 and 1, or alpha is no probability.

    >>> quiet, worse = [0.0] * 95 + [1.0] * 5, [0.0] * 80 + [1.0] * 20
    >>> Sequential(Baseline(0.05, 0.01)).run(quiet * 20)
    []
    >>> len(Sequential(Baseline(0.05, 0.01)).run(worse * 20))
    1
    """

    def __init__(self, baseline: Baseline, direction: Direction = "up", alpha: float = ALPHA) -> None:
        super().__init__("unit")
        if not 0 <= baseline.mean <= 1:
            raise FairleadError(f"baseline mean {baseline.mean:g}; allowed: 0 to 1, the range of the stream")
        if not 0 < alpha < 1:
            raise FairleadError(f"alpha {alpha}; allowed: above 0 and below 1")
        self._alpha = alpha
        sides = [Money(min(1.0, baseline.mean + baseline.tolerated), rising=True)]
        if direction == "both":
            sides.append(Money(max(0.0, baseline.mean - baseline.tolerated), rising=False))
        self._sides = sides
        self._log_e = 0.0

    @property
    def log_e(self) -> float:
        """Logarithm of the money that 1 has become: above ``-log(alpha)`` the statement is refuted."""
        return self._log_e

    def run(self, values: Iterable[float]) -> list[int]:
        """See many values at once; see ``Detector.run``."""
        checked = np.array([require(v, self._wants) for v in values], dtype=np.float64)
        if not len(checked):
            return []
        before = self._state == "drift"
        log_e = self._bet(checked)
        over = np.flatnonzero(log_e >= -math.log(self._alpha))
        self._n += len(checked)
        self._state = self._conclude(before or bool(len(over)))
        return [int(over[0])] if len(over) and not before else []

    def _see(self, value: float) -> State:
        before = self._state == "drift"
        self._bet(np.array([value]))
        return self._conclude(before or self._log_e >= -math.log(self._alpha))

    def _conclude(self, refuted: bool) -> State:
        if refuted:
            return "drift"
        return "warning" if self._log_e >= -math.log(WARNING) else "quiet"

    def _bet(self, values: FloatArray) -> FloatArray:
        each = [side.bet(values) for side in self._sides]
        log_e: FloatArray = np.logaddexp.reduce(each, axis=0) - math.log(len(each))
        self._log_e = float(log_e[-1])
        return log_e


@dataclass
class Money:
    """What ``log_e_above_restarted`` makes of the observations so far, to be gone on with: its state is small.

    Args:
        null: the mean that is bet against, 0 to 1.
        rising: whether to bet that the mean is above it; else below.
    """

    null: float
    rising: bool
    stakes: Stakes = STAKES
    starts: Starts = STARTS

    def __post_init__(self) -> None:
        self._n = 0
        self._grown = np.zeros(len(self.stakes.size))
        """For each size, the logarithm of what a bet held since the beginning has become."""
        self._bought = np.full(len(self.stakes.size), math.log(self.starts.first))
        """… and of how many such bets the parts that have been bet so far are worth."""

    def bet(self, values: FloatArray) -> FloatArray:
        """Bet on n values more, n at least 1; returns the logarithm of the money after each, shape (n,)."""
        payoffs, null = self._payoffs(values)
        count = self._n + np.arange(1, len(values) + 1)
        kept = self.starts.kept(int(count[-1]))
        # Starts that fall within these values, by their number from 1, and the places of the values before them.
        new = np.arange(self._n // self.starts.every + 1, len(kept))
        places: Sequence[int] = (new * self.starts.every - self._n - 1).tolist()
        begun = count // self.starts.every - self._n // self.starts.every
        money: FloatArray = np.log(kept)[count // self.starts.every]
        part = np.log(kept[new - 1] - kept[new])
        for k, (size, weight) in enumerate(zip(self.stakes.size, self.stakes.weight, strict=True)):
            grown = self._grown[k] + growth(payoffs, null, size)
            bought = np.logaddexp.accumulate(np.append(self._bought[k], part - grown[places]))
            money = np.logaddexp(money, grown + bought[begun] + math.log(weight))
            self._grown[k], self._bought[k] = grown[-1], bought[-1]
        self._n += len(values)
        return money

    def _payoffs(self, values: FloatArray) -> tuple[Payoffs, float]:
        one = np.ones_like(values)
        payoffs = Payoffs(values, np.zeros_like(values), one, one)
        return (payoffs, self.null) if self.rising else (payoffs.mirrored(), -self.null)
