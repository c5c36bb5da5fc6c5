"""Bets against a statement about a mean: e-processes that may be looked at after every observation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray

IntArray = npt.NDArray[np.intp]

BLOCK = 16
"""Factors multiplied before a logarithm is taken; no product overflows down to shares of one in a million."""


@dataclass(frozen=True)
class Payoffs:
    """Observations of one mean, each with the range it could have had; all of shape (…, n), the last axis in order.

    Args:
        value: what was observed.
        lowest: no value could have been below it; known before the observation.
        highest: no value could have been above it; known before the observation.
        precision: 1 / variance up to a factor, known before the observation: how much to bet on it.
    """

    value: FloatArray
    lowest: FloatArray
    highest: FloatArray
    precision: FloatArray

    def mirrored(self) -> "Payoffs":
        """Return the same observations with the sign changed."""
        return Payoffs(-self.value, -self.highest, -self.lowest, self.precision)


@dataclass(frozen=True)
class Stakes:
    """Sizes of bets, placed side by side.

    Args:
        size: shape (k,), above 0. For observations of precision 1, the size that wins fastest is the true effect
            divided by the variance; for rare events it is the relative rise of their rate (1 is a doubling).
        weight: shape (k,), the part of the money placed on each; sums to 1.
    """

    size: FloatArray
    weight: FloatArray


def bell(octaves: int = 6, spread: float = 2.5) -> Stakes:
    """Spread money over sizes 2**-octaves … 2**octaves, most of it around 1, by a normal curve in the exponent.

    >>> stakes = bell(2)
    >>> stakes.size.tolist(), round(float(stakes.weight.sum()), 12)
    ([0.25, 0.5, 1.0, 2.0, 4.0], 1.0)
    """
    exponent = np.arange(-octaves, octaves + 1, dtype=np.float64)
    weight = np.exp(-0.5 * (exponent / spread) ** 2)
    return Stakes(2.0**exponent, weight / weight.sum())


STAKES = bell()
"""From effects that take a hundred thousand requests to see to those that ten show."""


def log_e_above(
    payoffs: Payoffs, null: float, stakes: Stakes = STAKES, looks: IntArray | slice = slice(None)
) -> FloatArray:
    """Bet that the mean is above ``null``; return the logarithm of the money after each observation.

    One unit of money is split over the stakes, and each part is bet again and again: an observation z multiplies it by
    ``1 + bet * (z - null)``, with ``bet = 1 / (1 / (size * precision) + null - lowest)``, small enough never to lose
    all. While the mean of each observation, given those before, is at most ``null``, no factor exceeds 1 on average:
    the money is an e-process, and ever exceeds ``1 / a`` with probability ``a`` at most. (I. Waudby-Smith and A.
    Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024; to bet in many sizes at once is
    H. Robbins' mixture, "Statistical methods related to the law of the iterated logarithm", 1970.)

    Args:
        payoffs: shape (…, n).
        null: the mean that is bet against, in the unit of the payoffs, not below ``lowest``.
        stakes: sizes of the bets.
        looks: which observations to return the money after; all unless told.

    Returns:
        Shape (…, looks). For the mean being below: ``log_e_above(payoffs.mirrored(), -null)``.

    >>> coins = Payoffs(np.ones(20), np.full(20, -1.0), np.ones(20), np.ones(20))
    >>> np.exp(log_e_above(coins, 0.0))[[0, 9, 19]].round(1).tolist()
    [1.5, 186.4, 96548.4]
    """
    money: FloatArray | None = None
    for size, weight in zip(stakes.size, stakes.weight, strict=True):
        grown = growth(payoffs, null, size)[..., looks] + np.log(weight)
        money = grown if money is None else np.logaddexp(money, grown)
    assert money is not None
    return money


def growth(payoffs: Payoffs, null: float, size: float) -> FloatArray:
    """Return the logarithm of what bets of one size make of 1, after each observation; see ``log_e_above``."""
    reserve = 1.0 / (size * payoffs.precision) - payoffs.lowest
    grown: FloatArray = np.cumsum(np.log((reserve + payoffs.value) / (reserve + null)), axis=-1)
    return grown


class Upward:
    """The same bets after the last observation, for any ``null``, at little cost for each.

    With ``reserve = 1 / (size * precision) - lowest`` a factor is ``(reserve + z) / (reserve + null)``: the
    observations stand in the numerator alone, so that a null costs no logarithm of an observation.

    Args:
        payoffs: of shape (n,).
    """

    def __init__(self, payoffs: Payoffs, stakes: Stakes = STAKES) -> None:
        self._reserve = 1.0 / (stakes.size[:, None] * payoffs.precision) - payoffs.lowest
        self._won = _sum_of_logs(self._reserve + payoffs.value) + np.log(stakes.weight)

    def log_e(self, null: float) -> float:
        """Return what ``log_e_above`` gives for the last observation."""
        return float(np.logaddexp.reduce(self._won - _sum_of_logs(self._reserve + null)))


def _sum_of_logs(factors: FloatArray) -> FloatArray:
    """Sum the logarithms along the last axis, shape (k, n) → (k,)."""
    whole = factors.shape[-1] // BLOCK * BLOCK
    blocks = factors[:, :whole].reshape(len(factors), -1, BLOCK).prod(axis=-1)
    total: FloatArray = np.log(blocks).sum(axis=-1) + np.log(factors[:, whole:]).sum(axis=-1)
    return total
