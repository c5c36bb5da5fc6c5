"""How long it will take: told before the start, by simulation with the very bets that will decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.statistics.betting import IntArray, Payoffs, log_e_above
from components.rollout.statistics.effect import paired, two_arm
from components.rollout.statistics.fixed_horizon import requests_needed, requests_needed_for_mean
from components.rollout.statistics.restarts import log_e_above_restarted
from components.rollout.statistics.simulation import Draw, first_look, randomise

CELLS = 1_000_000
"""Simulated requests held at once."""

LOOKS = 200
"""Looks over the whole plan: to look more often changes little."""

POWER = 0.8
"""Of the fixed-horizon test that the outlook is held against."""


@dataclass(frozen=True)
class Leg:
    """A part of the plan with one weight.

    Args:
        share: of the candidate, above 0 and below 1; None in every leg where the same requests go to both.
        requests: to both sides together.
    """

    share: float | None
    requests: int


@dataclass(frozen=True)
class Situation:
    """What the traffic is assumed to be like, in the metric's unit.

    Args:
        stable: mean of the stable model (0.01: one request in a hundred); 0 for paired differences.
        effect: candidate - stable.
        spread: standard deviation of one request's value; None for values of 0 and 1.
        bound: largest value that counts.
    """

    stable: float
    effect: float
    spread: float | None = None
    bound: float = 1.0


class Outlook(BaseModel):
    """What to expect of one verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Literal["harm", "safe"]
    effect: float
    """Candidate - stable, as assumed."""
    reached: float
    """Probability of the verdict by the end of the plan."""
    reached_by_leg: tuple[float, ...]
    median_requests: int | None
    """Half of such rollouts have the verdict by then, both sides counted; None where fewer ever have it."""
    median_hours: float | None
    fixed_requests: int | None
    """A test that looks once would need so many for a power of 80 %; None where there is nothing to find."""


def outlook(
    situation: Situation,
    legs: Sequence[Leg],
    against: float,
    threshold: float,
    requests_per_hour: float,
    verdict: Literal["harm", "safe"] = "harm",
    runs: int = 200,
    seed: int = 7,
) -> Outlook:
    """Simulate rollouts and tell how soon their bets reach a threshold.

    Args:
        situation: the traffic.
        legs: the plan.
        against: ``tolerated`` for harm, ``margin`` for safe.
        threshold: e-value that makes the verdict, for example ``2 * guards / alpha``.
        requests_per_hour: to both sides together.
        verdict: what the bets are on.
        runs: simulated rollouts; 200 tell the probability to within 7 points.
        seed: of the draws.

    Raises:
        FairleadError: no traffic can be as the situation says, or a leg splits nothing.

    >>> half = outlook(Situation(0.01, 0.02), [Leg(0.25, 2000), Leg(0.5, 8000)], 0.0, 40.0, 6000)
    >>> half.reached > 0.95, 500 < half.median_requests < 6000
    (True, True)
    """
    total = sum(leg.requests for leg in legs)
    looks = np.unique(np.linspace(0, total - 1, min(LOOKS, total) + 1).astype(np.intp)[1:])
    rng = np.random.default_rng(seed)
    batch = max(1, CELLS // total)
    starts = range(0, runs, batch)
    log_e = [_simulated(rng, min(batch, runs - s), situation, legs, against, verdict, looks) for s in starts]
    first = first_look(np.concatenate(log_e) >= np.log(threshold))
    when = np.append(looks + 1, np.iinfo(np.int64).max)[first]
    ends = np.cumsum([leg.requests for leg in legs])
    median = int(np.sort(when)[(runs - 1) // 2])
    return Outlook(
        verdict=verdict,
        effect=situation.effect,
        reached=float((when <= total).mean()),
        reached_by_leg=tuple(float((when <= end).mean()) for end in ends),
        median_requests=median if median <= total else None,
        median_hours=median / requests_per_hour if median <= total else None,
        fixed_requests=_fixed(situation, legs, against, threshold),
    )


def _simulated(
    rng: np.random.Generator,
    runs: int,
    situation: Situation,
    legs: Sequence[Leg],
    against: float,
    verdict: str,
    looks: IntArray,
) -> FloatArray:
    payoffs, null = _payoffs(rng, runs, situation, legs), against / situation.bound
    if verdict == "safe":
        return log_e_above(payoffs.mirrored(), -null, looks=looks)
    return log_e_above_restarted(payoffs, null, looks=looks)


def _payoffs(rng: np.random.Generator, runs: int, situation: Situation, legs: Sequence[Leg]) -> Payoffs:
    bound, spread = situation.bound, situation.spread
    stable, worse = situation.stable / bound, (situation.stable + situation.effect) / bound
    scaled = None if spread is None else spread / bound
    if all(leg.share is None for leg in legs):
        shape = (runs, sum(leg.requests for leg in legs))
        if scaled is None:
            return paired(Draw(worse).values(rng, shape))
        # Differences from -1 to 1 are drawn from 0 to 1 and stretched.
        return paired(2 * Draw((worse + 1) / 2, scaled / 2).values(rng, shape) - 1)
    share = _shares(legs)
    who, value = randomise(rng, runs, share, Draw(stable, scaled), Draw(worse, scaled))
    return two_arm(who, share, value)


def _shares(legs: Sequence[Leg]) -> FloatArray:
    wrong = [leg for leg in legs if leg.share is None or not 0 < leg.share < 1]
    if wrong:
        raise FairleadError(
            f"a leg with share {wrong[0].share} does not randomise; allowed: above 0 and below 1, or None in every leg"
        )
    return np.concatenate([np.full(leg.requests, leg.share) for leg in legs])


def _fixed(situation: Situation, legs: Sequence[Leg], against: float, threshold: float) -> int | None:
    apart = situation.effect - against
    if apart == 0:
        return None
    level = 2 / threshold  # of both sides together, each side 1 / threshold
    if all(leg.share is None for leg in legs):
        spread = situation.spread
        if spread is None:
            # Half-way between what is and what is to be refuted.
            rate = situation.stable + (situation.effect + against) / 2
            spread = float(np.sqrt(rate * (1 - rate)))
        # One value for each request instead of two halves.
        return requests_needed_for_mean(np.array([0.5]), spread / 2, apart, level, POWER)
    share = _shares(legs)
    if situation.spread is not None:
        return requests_needed_for_mean(share, situation.spread, apart, level, POWER)
    if against == 0:
        return requests_needed(share, situation.stable, situation.stable + situation.effect, level, POWER)
    rate = situation.stable + situation.effect / 2
    return requests_needed_for_mean(share, float(np.sqrt(rate * (1 - rate))), apart, level, POWER)
