"""The strategies: the first traffic of each, and what it does next while all is well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.rollout import bandit as bandits
from components.rollout.plan import Plan, Strategy
from components.rollout.readiness import blind, missing, shown, silence
from components.rollout.state import Observation, State, minutes
from components.rollout.traffic import Traffic

LEAST_CHANGE = 3
"""Percent points. A bandit's weight that would move by less stays: that much is the chance in what it draws, and each
change sends some users to another model."""


@dataclass(frozen=True)
class Move:
    """What a strategy wants.

    Args:
        kind: ``hold`` nothing, ``step`` the next step of the plan, ``weigh`` another weight, ``earned`` the promotion.
        reason: in words, with the numbers.
        traffic: of ``step`` and ``weigh``.
    """

    kind: Literal["hold", "step", "weigh", "earned"]
    reason: str
    traffic: Traffic = field(default_factory=Traffic)


@dataclass(frozen=True)
class Way:
    """One strategy.

    Args:
        first: traffic from the moment at which the candidate can answer.
        advance: the next move; asked only while the candidate does no harm and both variants can answer.
        watches: the old one goes on being compared after the switch to 100 %, before the promotion.
    """

    first: Callable[[Plan], Traffic]
    advance: Callable[[Plan, State, Observation], Move]
    watches: bool = False


def _canary(plan: Plan, state: State, observation: Observation) -> Move:
    step, answered = plan.steps[state.step], observation.seen - state.step_requests
    passed = minutes(state.step_started, observation.at)
    place = f"step {state.step + 1} of {len(plan.steps)} ({step.weight} %)"
    done = (
        f"{place}: {answered:,} requests of {step.minimum_requests:,}, {passed:.1f} minutes of {step.minimum_minutes:g}"
    )
    if not answered:
        quiet = silence(state, observation) or "no request since the step began: nobody calls"
        return Move("hold", f"{done}; no data: {quiet}")
    if answered < step.minimum_requests or passed < step.minimum_minutes:
        return Move("hold", done)
    if state.step + 1 == len(plan.steps):
        return _when_earned(plan, state, observation, done)
    dark = blind(plan, state, observation)
    if dark:
        return Move("hold", f"{done}; no step in the dark: {'; '.join(dark)}")
    following = plan.steps[state.step + 1].weight
    return Move("step", f"{done}; no harm found, on to {following} %", Traffic(candidate=following))


def _compare(plan: Plan, state: State, observation: Observation) -> Move:
    copies = "copied requests" if state.traffic.mirror else "requests"
    return _when_earned(plan, state, observation, f"{observation.seen:,} {copies} compared")


def _bandit(plan: Plan, state: State, observation: Observation) -> Move:
    move = _compare(plan, state, observation)
    if move.kind == "earned" or plan.bandit is None:
        return move
    metric = plan.metric(plan.bandit.reward)
    evidence = observation.evidence.get(metric.name)
    weight = bandits.weight(plan.bandit, evidence, metric.bound, state.looks + 1)
    if weight is None or evidence is None or not observation.seen:
        return Move("hold", f"no reward to go by ({metric.name}) from both variants, the weight stays; {move.reason}")
    if abs(weight - state.traffic.candidate) < LEAST_CHANGE:
        return move
    reward = f"{metric.name} {evidence.estimate:+.4g} against a mean of {evidence.mean_stable:.4g}"
    why = f"{plan.bandit.policy} gives {weight} % on {reward}; {move.reason}"
    return Move("weigh", why, Traffic(candidate=weight))


def _when_earned(plan: Plan, state: State, observation: Observation, done: str) -> Move:
    lacking = missing(plan, state, observation)
    if lacking:
        return Move("hold", f"{done}; missing: {'; '.join(lacking)}")
    return Move("earned", f"{done}; {shown(plan, observation)}")


def _first_step(plan: Plan) -> Traffic:
    return Traffic(candidate=plan.steps[0].weight)


def _mirror(_plan: Plan) -> Traffic:
    return Traffic(mirror="candidate")


def _even(_plan: Plan) -> Traffic:
    return Traffic(candidate=bandits.EVEN)


STRATEGIES: Mapping[Strategy, Way] = {
    "canary": Way(_first_step, _canary),
    "shadow": Way(_mirror, _compare),
    "blue_green": Way(_mirror, _compare, watches=True),
    "ab": Way(_first_step, _compare),
    "bandit": Way(_even, _bandit),
}
"""A shadow's end is the approval: from copies alone to 100 %, with nothing in between."""
