"""From samples to evidence, one metric at a time; to be called at every look, on all that was observed so far."""

import math
from collections.abc import Iterable

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.samples import Evidence, MetricSpec, Paired, Sample, Samples
from components.rollout.statistics.betting import Payoffs, Upward
from components.rollout.statistics.confidence import interval
from components.rollout.statistics.effect import paired, point_estimate, two_arm
from components.rollout.statistics.restarts import log_e_above_restarted

LARGEST = 1e100
"""Larger e-values are written as this: enough for any decision, and a number in any format."""


def analyse(specs: Iterable[MetricSpec], samples: Samples, alpha: float) -> dict[str, Evidence]:
    """Say what is known of each metric; valid at every look, and whenever one stops.

    The bets that ``e_harm`` and ``e_safe`` are made of hold for each request by itself: the first refutes that the
    candidate's mean was, at every request, at most ``tolerated`` above the stable one's. Base rates may drift and
    weights may change as they like. An effect that itself changes is no exception for the two verdicts as worded
    here; the interval then holds what all requests have in common, and may in time hold nothing narrow.

    The bets of ``e_harm`` begin anew along the way (see ``statistics.restarts``), so that harm that begins after many
    good requests is found soon; those of ``e_safe`` and of the interval run from the first request on. So harm may be
    found while the interval, which is about all requests, still reaches below ``tolerated``. The other way round, an
    interval above ``tolerated`` always comes with an ``e_harm`` of at least three quarters of ``2 / alpha``.

    Args:
        specs: the plan's metrics.
        samples: by metric name; a missing one is "no data".
        alpha: of the confidence sequences, both sides together: with ``low`` above ``tolerated``, ``e_harm`` exceeds
            ``STARTS.first * 2 / alpha``; ``high`` is below ``margin`` exactly when ``e_safe`` exceeds ``2 / alpha``.

    Returns:
        Evidence by metric name, in the order of the specs.

    Raises:
        FairleadError: a sample is of another kind than its metric, or holds values that the metric cannot have.
    """
    return {spec.name: _one(spec, samples.get(spec.name), alpha) for spec in specs}


def _one(spec: MetricSpec, sample: Sample | None, alpha: float) -> Evidence:
    if sample is None:
        reason = "nothing was recorded for this metric: is its source (prediction log, labels, mirror) connected?"
        return Evidence(metric=spec.name, n_candidate=0, n_stable=0, reason=reason)
    if isinstance(sample, Paired) != (spec.kind == "paired"):
        raise FairleadError(
            f"metric {spec.name!r} is of kind {spec.kind!r} and got a sample of type {type(sample).__name__}; "
            "proportions and means take TwoArm, paired ones take Paired"
        )
    seen = _counts(spec, sample)
    payoffs = _payoffs(spec, sample)
    if payoffs is None or not (seen.n_candidate and seen.n_stable):
        return seen.model_copy(update={"reason": _why_nothing(seen)})
    low, high = interval(payoffs, alpha)
    return seen.model_copy(
        update={
            "estimate": point_estimate(payoffs) * spec.bound,
            "low": low * spec.bound,
            "high": high * spec.bound,
            "e_harm": _e_harm(payoffs, spec.tolerated / spec.bound),
            "e_safe": 1.0 if spec.margin is None else _e_safe(payoffs, spec.margin / spec.bound),
        }
    )


def _counts(spec: MetricSpec, sample: Sample) -> Evidence:
    if isinstance(sample, Paired):
        n = len(sample.difference)
        return Evidence(metric=spec.name, n_candidate=n, n_stable=n)
    ours, theirs = sample.value[sample.candidate], sample.value[~sample.candidate]
    return Evidence(
        metric=spec.name,
        n_candidate=len(ours),
        n_stable=len(theirs),
        mean_candidate=float(ours.mean()) if len(ours) else None,
        mean_stable=float(theirs.mean()) if len(theirs) else None,
    )


def _payoffs(spec: MetricSpec, sample: Sample) -> Payoffs | None:
    """Scale to a range of 1 and keep what was randomised; None where nothing is left."""
    if isinstance(sample, Paired):
        _check_range(spec, sample.difference, -spec.bound)
        return paired(sample.difference / spec.bound) if len(sample.difference) else None
    _check_range(spec, sample.value, 0.0)
    random = (sample.share > 0) & (sample.share < 1)
    if not random.any():
        return None
    covariate = None if sample.covariate is None else sample.covariate[random]
    return two_arm(sample.candidate[random], sample.share[random], sample.value[random] / spec.bound, covariate)


def _check_range(spec: MetricSpec, values: FloatArray, lowest: float) -> None:
    if spec.kind == "proportion":
        wrong, allowed = values[(values != 0) & (values != spec.bound)], f"0 or {spec.bound:g}"
    else:
        slack = 1e-9 * spec.bound
        wrong = values[(values < lowest - slack) | (values > spec.bound + slack)]
        allowed = f"{lowest:g} to {spec.bound:g}; clip what is beyond"
    if len(wrong):
        raise FairleadError(f"metric {spec.name!r} holds {wrong[0]:g} ({len(wrong)} such values); allowed: {allowed}")


def _e_harm(payoffs: Payoffs, tolerated: float) -> float:
    last = np.array([payoffs.value.shape[-1] - 1])
    return _written(float(log_e_above_restarted(payoffs, tolerated, looks=last)[0]))


def _e_safe(payoffs: Payoffs, margin: float) -> float:
    return _written(Upward(payoffs.mirrored()).log_e(-margin))


def _written(log_e: float) -> float:
    return math.exp(min(log_e, math.log(LARGEST)))


def _why_nothing(seen: Evidence) -> str:
    if not seen.n_candidate and not seen.n_stable:
        return "no request was observed yet: no traffic, or no label has arrived"
    if not seen.n_candidate:
        return "no request reached the candidate: its weight is 0, or the route to it is broken"
    if not seen.n_stable:
        return "no request reached the stable model beside the candidate: there is nothing to compare with"
    return "no request was randomised between the two: each could have gone to one side alone"
