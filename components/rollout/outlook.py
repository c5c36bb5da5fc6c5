"""What to expect of a plan before it starts: how surely and how soon it finds harm, and shows safety."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from components.core.errors import FairleadError
from components.rollout.plan import MIRRORED, PROPORTIONS, Metric, Plan
from components.rollout.statistics.power import Leg, Outlook, Situation, outlook

MOST_REQUESTS = 50_000
"""Longer plans are simulated up to here."""


@dataclass(frozen=True)
class Assumed:
    """What is assumed of a metric, in its unit.

    Args:
        stable: mean of the stable model; 0 for disagreement and score shift.
        harm: the rise of the mean that should be found.
        spread: standard deviation of one request's value, or of the difference where both models answer the same
            requests; None for shares of requests.
    """

    stable: float
    harm: float
    spread: float | None = None


class Expected(BaseModel):
    """What to expect of one metric of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    harm: Outlook | None
    """Of a candidate that is worse by what was assumed; None where the metric does not guard."""
    safe: Outlook | None
    """Of a candidate that is as good, or better by as much where the margin is 0; None without a margin."""


def expect(plan: Plan, assumed: Mapping[str, Assumed], requests_per_hour: float, runs: int = 200) -> list[Expected]:
    """Simulate each metric of a plan; requests with late outcomes count when these arrive.

    Args:
        plan: canary, A/B, shadow or blue-green; a bandit's weights are not known before.
        assumed: by metric name; metrics without an assumption are left out.
        requests_per_hour: to both variants together, or outcomes per hour for metrics that wait for them.
        runs: simulated rollouts of each.

    Raises:
        FairleadError: a metric is not in the plan, the strategy is a bandit, a mean lacks its spread, or an assumption
            cannot be.
    """
    unknown = [name for name in assumed if name not in {m.name for m in plan.metrics}]
    if unknown:
        raise FairleadError(f"no metric {unknown[0]!r} in the plan; found: {', '.join(m.name for m in plan.metrics)}")
    legs = legs_of(plan, requests_per_hour)
    guards = sum(m.guard for m in plan.metrics)
    found = []
    for metric in plan.metrics:
        if metric.name not in assumed:
            continue
        what = assumed[metric.name]
        pairs = plan.strategy in ("shadow", "blue_green") or (plan.rescore and metric.name not in PROPORTIONS)
        walked = [Leg(None, leg.requests) for leg in legs] if pairs else legs
        harm = safe = None
        if metric.guard:
            worse = _situation(metric, what, what.harm, pairs)
            # The threshold of the first guard to be found: the number of guards times that of one.
            harm = outlook(worse, walked, metric.tolerated, 2 * guards / plan.alpha, requests_per_hour, "harm", runs)
        if metric.margin is not None:
            good = _situation(metric, what, 0.0 if metric.margin > 0 else -what.harm, pairs)
            safe = outlook(good, walked, metric.margin, 2 / plan.alpha, requests_per_hour, "safe", runs)
        found.append(Expected(metric=metric.name, harm=harm, safe=safe))
    return found


def legs_of(plan: Plan, requests_per_hour: float) -> list[Leg]:
    """Tell how many requests each step lasts; the last one goes on to the plan's end, or to 50,000 requests in all.

    Raises:
        FairleadError: the strategy is a bandit.
    """
    if plan.strategy == "bandit":
        raise FairleadError("nothing can be expected of a bandit's weights before it starts; take another strategy")
    total = max(1, min(MOST_REQUESTS, math.floor(plan.maximum_hours * requests_per_hour)))
    if plan.strategy in ("shadow", "blue_green"):
        return [Leg(None, total)]
    legs: list[Leg] = []
    for step in plan.steps:
        left = total - sum(leg.requests for leg in legs)
        lasts = max(step.minimum_requests * 100 / step.weight, step.minimum_minutes / 60 * requests_per_hour)
        requests = left if step is plan.steps[-1] else min(left, math.ceil(lasts))
        if requests:
            legs.append(Leg(step.weight / 100, requests))
    return legs


def _situation(metric: Metric, what: Assumed, effect: float, pairs: bool) -> Situation:
    if what.spread is None and (metric.name not in PROPORTIONS or (pairs and metric.name not in MIRRORED)):
        raise FairleadError(
            f"metric {metric.name!r} needs an assumed spread: it is no share of requests here"
            + (", but a difference between two answers" if pairs else "")
        )
    stable = 0.0 if pairs and metric.name not in MIRRORED else what.stable
    return Situation(stable, effect, what.spread, metric.bound)
