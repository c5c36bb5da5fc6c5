"""What a synthetic table promises: epsilon and delta, how they were counted, and what they cover."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.errors import FairleadError

SMALLEST_EPSILON = 0.05
"""With less, noise is all that is left of any table that fits into memory."""

ACCOUNTANT = (
    "zero-concentrated differential privacy: rho adds up over adaptive steps (Bun and Steinke, TCC 2016, lemma 1.7 and "
    "1.8), and is turned into epsilon at delta by OpenDP's make_zCDP_to_approxDP (Canonne, Kamath and Steinke, The "
    "Discrete Gaussian for Differential Privacy, NeurIPS 2020, proposition 7); the plainer bound rho + 2 sqrt(rho "
    "ln(1/delta)) of Bun and Steinke, proposition 1.3, stands beside it"
)


class Step(BaseModel):
    """What one step spent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    rho: float
    delta: float = 0.0


class Guarantee(BaseModel):
    """The promise that comes with a generator, and with every table drawn from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["private", "plain", "invented"]
    """``plain``: no privacy at all, rows of the real table can show through. ``invented``: no row was looked at."""
    epsilon: float | None = None
    """Spent, at ``delta``; of rows added or removed, one at a time."""
    delta: float | None = None
    epsilon_bun_steinke: float | None = None
    """The same by the plainer bound."""
    rho: float | None = None
    delta_of_keys: float = 0.0
    """The part of ``delta`` that finding values of open categories took."""
    steps: tuple[Step, ...] = ()
    accountant: str = ACCOUNTANT
    seeded: bool = False
    """The noise was drawn by a seed, for a test: the promise is void."""

    def in_words(self) -> str:
        """Say it in a sentence."""
        if self.kind == "invented":
            return "No row of a real table was looked at: the table was invented from the use case's description alone."
        if self.kind == "plain":
            return "NO PRIVACY: counts of the real table went in without noise; treat this table like the real one."
        if self.seeded:
            return "NO PRIVACY: the noise was drawn by a seed, for a test."
        return (
            "Differentially private for one row added or removed: "
            f"epsilon {self.epsilon:.4g} at delta {self.delta:.2g}, rho {self.rho:.4g}. "
            "It holds for the table and its generator, not for reports that compare them with "
            "the real table. Someone with several rows in the table has several times the epsilon."
        )


def default_delta(rows: int) -> float:
    """Return the delta where none is asked for: a tenth of one row's share, and at most 1e-5.

    >>> default_delta(30_000), default_delta(1_000)
    (3.3333333333333333e-06, 1e-05)
    """
    return min(1e-5, 0.1 / max(rows, 1))


def epsilon_of(rho: float, delta: float) -> float:
    """Turn rho into epsilon at delta with OpenDP (Canonne, Kamath, Steinke 2020)."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    scale = 1 / math.sqrt(2 * rho)
    noise = dp.m.make_gaussian(dp.atom_domain(T=float, nan=False), dp.absolute_distance(T=float), scale)
    profile = dp.c.make_zCDP_to_approxDP(noise).map(1.0)  # type: ignore[no-untyped-call]
    return float(profile.epsilon(delta))


def plain_epsilon_of(rho: float, delta: float) -> float:
    """Turn rho into epsilon at delta by proposition 1.3 of Bun and Steinke (2016).

    >>> round(plain_epsilon_of(0.1, 1e-5), 4)
    2.246
    """
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


def rho_for(epsilon: float, delta: float) -> float:
    """Find the largest rho that costs no more than epsilon at delta.

    Raises:
        FairleadError: epsilon or delta is out of range.
    """
    if not (SMALLEST_EPSILON <= epsilon < math.inf):
        raise FairleadError(
            f"epsilon {epsilon:g} cannot be used: give {SMALLEST_EPSILON} or more; 1 is strong, 3 usual, above 10 says "
            "little. Below, a table would be noise alone"
        )
    if not (0 < delta <= 0.01):
        raise FairleadError(f"delta {delta:g} cannot be used: more than 0 and at most 0.01, well below 1 / rows")
    low, high = 0.0, epsilon  # rho is at most epsilon for any delta that is taken here
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low
