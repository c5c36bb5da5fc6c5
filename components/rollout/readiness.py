"""Readiness: what a candidate still has to show before it may get all of the traffic."""

import math

from components.rollout.plan import LABELLED, MIRRORED, Metric, Plan
from components.rollout.samples import Evidence
from components.rollout.state import Observation, State


def needed(plan: Plan) -> float:
    """Return the e-value from which on a metric counts as shown to be safe: ``2 / alpha``.

    All metrics with a margin have to reach it, so the chance of a wrong promotion is half of alpha without any further
    correction, over all looks together.
    """
    return 2 / plan.alpha


def missing(plan: Plan, state: State, observation: Observation) -> list[str]:
    """Say, in words with the numbers, what is missing for a promotion; an empty list means that it is earned.

    Args:
        plan: which metrics have a margin, and the minimum of requests.
        state: before the look.
        observation: what the look saw.
    """
    found = []
    if observation.healthy.get("candidate") is not True:
        found.append("nobody knows whether the candidate can answer")
    if observation.healthy.get("stable") is False:
        found.append("the stable model cannot answer, so there would be no way back")
    elif observation.healthy.get("stable") is None:
        found.append("nobody knows whether the stable model can answer, and so whether there is a way back")
    if observation.seen < plan.minimum_requests:
        found.append(f"the candidate was given {observation.seen} of {plan.minimum_requests} requests")
    for metric in plan.metrics:
        if metric.margin is None:
            continue
        evidence = observation.evidence.get(metric.name)
        if evidence is None or not evidence.has_data:
            found.append(no_data(metric, state, observation))
        elif not evidence.e_safe >= needed(plan):
            found.append(f"{metric.name}: {claim(metric)} is not shown yet, {progress(plan, evidence)}")
    return found


def shown(plan: Plan, observation: Observation) -> str:
    """Write out what earns a promotion: the e-value of each metric with a margin, which have all been reached."""
    asked = [e for m in plan.metrics if m.margin is not None and (e := observation.evidence.get(m.name)) is not None]
    values = ", ".join(f"{e.metric} {e.e_safe:.3g}" for e in asked)
    return f"every metric with a margin is shown to be safe (e-values {values}; {needed(plan):g} needed)"


def blind(plan: Plan, state: State, observation: Observation) -> list[str]:
    """Say which guards see nothing, so that no step may be taken; labels that come late do not count.

    Args:
        plan: which metrics guard.
        state: before the look.
        observation: what the look saw.
    """
    guards = [m for m in plan.metrics if m.guard and m.name not in LABELLED]
    dark = [m for m in guards if (e := observation.evidence.get(m.name)) is None or not e.has_data]
    return [no_data(m, state, observation) for m in dark]


def claim(metric: Metric) -> str:
    """Say what a metric's margin asks to be shown."""
    return f"that it is not worse by {metric.margin:g}" if metric.margin else "that it is better"


def numbers(evidence: Evidence) -> str:
    """Write out what was found: difference, interval and counts.

    >>> numbers(Evidence(metric="brier", n_candidate=40, n_stable=60, estimate=0.012, low=-0.004, high=0.03))
    'candidate - stable +0.012 [-0.004, +0.03] on 40 and 60 requests'
    """
    if evidence.estimate is None:
        return f"no data on {evidence.n_candidate} and {evidence.n_stable} requests"
    ends = "" if evidence.low is None or evidence.high is None else f" [{evidence.low:+.4g}, {evidence.high:+.4g}]"
    on = f"on {evidence.n_candidate:,} and {evidence.n_stable:,} requests"
    return f"candidate - stable {evidence.estimate:+.4g}{ends} {on}"


def progress(plan: Plan, evidence: Evidence) -> str:
    """Write out how far a metric is on its way, and how much longer it will probably take."""
    more = requests_left(evidence, needed(plan))
    guess = "" if more is None else f", about {more:,} more requests at this pace"
    return f"e-value {evidence.e_safe:.3g} of {needed(plan):g} ({numbers(evidence)}){guess}"


def requests_left(evidence: Evidence, threshold: float) -> int | None:
    """Guess how many more requests it takes until the e-value for safety reaches a threshold.

    An e-value grows by a factor with each request, about the same one throughout, so its logarithm is drawn on in a
    straight line. Requests of both variants count.

    Args:
        evidence: up to now.
        threshold: the e-value to reach.

    Returns:
        None while the e-value is not growing: nothing can be said then.

    >>> requests_left(Evidence(metric="brier", n_candidate=50, n_stable=50, estimate=0.0, e_safe=4.0), 16.0)
    100
    >>> requests_left(Evidence(metric="brier", n_candidate=50, n_stable=50, estimate=0.0, e_safe=0.7), 16.0)
    """
    if evidence.e_safe >= threshold:
        return 0
    if not evidence.e_safe > 1.05:
        return None
    seen = evidence.n_candidate + evidence.n_stable
    return math.ceil(seen * (math.log(threshold) / math.log(evidence.e_safe) - 1))


def no_data(metric: Metric, state: State, observation: Observation) -> str:
    """Say that a metric has no data, with the probable cause."""
    evidence = observation.evidence.get(metric.name)
    if evidence is not None and evidence.reason:
        return f"{metric.name}: no data: {evidence.reason}"
    return f"{metric.name}: no data: {_cause(metric, state, observation)}"


def silence(state: State, observation: Observation) -> str | None:
    """Say why the candidate has seen nothing at all; None when it has seen something."""
    if observation.seen:
        return None
    if not observation.requests.get("stable", 0):
        return "neither variant has seen a request: nobody calls, or the prediction log is not read"
    if state.traffic.mirror == "candidate":
        return "the stable model answers, but no copy reaches the candidate: look at the plane's mirror"
    if not state.traffic.candidate:
        return "the candidate gets no traffic"
    share = f"{state.traffic.candidate} %"
    return f"the stable model answers, but of the candidate's {share} nothing arrives: look at the plane's weights"


def _cause(metric: Metric, state: State, observation: Observation) -> str:
    quiet = silence(state, observation)
    if quiet is not None:
        return quiet
    if metric.name in LABELLED:
        return "no outcome of a request has arrived yet"
    if metric.name in MIRRORED and state.traffic.mirror is None:
        return "it compares mirrored requests, and nothing is mirrored now"
    return "what was observed does not name it: look at what measures this rollout"
