"""Guardrails: what takes the candidate out, at any time and in every phase."""

from components.rollout.plan import Plan
from components.rollout.readiness import numbers
from components.rollout.samples import Evidence
from components.rollout.state import Observation, State
from components.rollout.statistics.discoveries import discoveries


def harms(plan: Plan, state: State, observation: Observation) -> list[str]:
    """Say, in words with the numbers, why the candidate has to go; an empty list is good news.

    The candidate goes when it cannot answer, when it has failed as many requests as ``plan.error_budget`` allows, when
    someone refused its approval, when the record could not be kept for a while (see ``Fallback``), or when
    e-Benjamini-Hochberg over the e-values of all guarding metrics finds harm at half of ``plan.alpha``: a candidate
    that does no harm is so rolled back with that probability at most, over all metrics and all looks together (Wang and
    Ramdas, "False discovery rate control with e-values", 2022).

    Args:
        plan: which metrics guard.
        state: before the look. A candidate that is still starting may not answer yet.
        observation: what the look saw.
    """
    phase = state.resumes or state.phase
    found = []
    if observation.healthy.get("candidate") is False and phase != "starting":
        found.append("the candidate cannot answer")
    if plan.error_budget is not None and observation.failures >= plan.error_budget:
        found.append(f"the candidate failed {observation.failures} requests, the error budget is {plan.error_budget}")
    if observation.refusal is not None:
        found.append(f"its approval was refused by {observation.refusal}")
    if observation.lost:
        found.append(observation.lost)
    return found + _statistics(plan, observation)


def threshold(plan: Plan) -> float:
    """Return the e-value at which one guard alone takes the candidate out; several together need less each."""
    return 2 * sum(m.guard for m in plan.metrics) / plan.alpha


def _statistics(plan: Plan, observation: Observation) -> list[str]:
    # A guard without data takes part with the e-value 1, so that the number of guards is the plan's at every look.
    guards: dict[str, Evidence | None] = {m.name: observation.evidence.get(m.name) for m in plan.metrics if m.guard}
    values = {name: 1.0 if e is None else e.e_harm for name, e in guards.items()}
    return [
        f"{name} is worse than tolerated ({plan.metric(name).tolerated:g}): {numbers(e)}, e-value {e.e_harm:.3g} "
        f"against harmlessness, {len(guards)} guards at level {plan.alpha / 2:g}"
        for name in discoveries(values, plan.alpha / 2)
        if (e := guards[name]) is not None
    ]
