"""Rollouts that never happened: requests with known differences, many runs at once."""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import IntArray


@dataclass(frozen=True)
class Draw:
    """Values of one kind.

    Args:
        mean: of one request, or shape (n,) where it drifts; within 0 and 1.
        spread: standard deviation of one request; None for values of 0 and 1.
    """

    mean: FloatArray | float
    spread: float | None = None

    def values(self, rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
        """Draw values of shape (runs, n): 0 or 1, or from the beta distribution of this mean and spread.

        Raises:
            FairleadError: no values between 0 and 1 have this mean and this spread.

        >>> found = Draw(0.2, 0.1).values(np.random.default_rng(1), (100, 1000))
        >>> round(float(found.mean()), 2), round(float(found.std()), 2)
        (0.2, 0.1)
        """
        mean = np.broadcast_to(np.asarray(self.mean, dtype=np.float64), shape[1:])
        if self.spread is None:
            return (rng.random(shape) < mean).astype(np.float64)
        size = mean * (1 - mean) / self.spread**2 - 1
        if not (size > 0).all():
            raise FairleadError(
                f"spread {self.spread} is too wide for a mean of {float(mean[np.argmin(size)]):g} between 0 and 1; "
                "allowed: less than sqrt(mean * (1 - mean))"
            )
        return rng.beta(mean * size, (1 - mean) * size, shape)


def randomise(
    rng: np.random.Generator, runs: int, share: FloatArray, stable: Draw, candidate: Draw
) -> tuple[BoolArray, FloatArray]:
    """Draw who answers and what comes of it, both of shape (runs, n); ``share`` has shape (n,).

    >>> who, value = randomise(np.random.default_rng(1), 50, np.full(2000, 0.25), Draw(0.01), Draw(0.02))
    >>> round(float(who.mean()), 2), round(float(value[who].mean()), 2), round(float(value[~who].mean()), 2)
    (0.25, 0.02, 0.01)
    """
    shape = (runs, len(share))
    who = rng.random(shape) < share
    return who, np.where(who, candidate.values(rng, shape), stable.values(rng, shape))


def first_look(reached: BoolArray) -> IntArray:
    """Return for each run the number of the first look that is true, the number of looks where none is.

    >>> first_look(np.array([[False, True, True], [False, False, False]])).tolist()
    [1, 3]
    """
    first: IntArray = np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1])
    return first
