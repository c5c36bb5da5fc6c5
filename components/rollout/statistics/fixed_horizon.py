"""The classical test, for those who plan the number of requests and look once."""

import math
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.rollout.samples import MetricSpec, Paired, Sample, TwoArm


class FixedResult(BaseModel):
    """What the one look says; valid for this one only."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str
    requests: int
    """As planned: what came later is left out."""
    estimate: float | None = None
    """Candidate - stable; None where there is nothing to compare."""
    low: float | None = None
    high: float | None = None
    p_harm: float | None = None
    """Of "not worse than stable by more than ``tolerated``"; held against half of alpha."""
    p_safe: float | None = None
    """Of "worse than stable by ``margin`` or more"; held against half of alpha; None without a margin."""
    reason: str = ""


class _Spread(NamedTuple):
    estimate: float
    variance: float
    freedom: float


def requests_needed(share: FloatArray, stable: float, candidate: float, alpha: float, power: float) -> int | None:
    """Count the requests that the two-proportion test needs, whose number is the least for a test that looks once.

    The textbook formula (J. Fleiss, B. Levin and M. Paik, "Statistical Methods for Rates and Proportions", 2003,
    chapter 4), summed over requests so that the weight may change on the way.

    Args:
        share: shape (n,), the weight of the candidate as planned for each request; the last one goes on.
        stable: rate of the stable model.
        candidate: rate of the candidate.
        alpha: of both sides together.
        power: probability of finding the difference.

    Returns:
        Requests to both sides together.

    >>> requests_needed(np.array([0.5]), 0.50, 0.75, 0.05, 0.9)
    154
    """
    pooled = share * candidate + (1 - share) * stable
    same = pooled * (1 - pooled) / (share * (1 - share))
    differ = candidate * (1 - candidate) / share + stable * (1 - stable) / (1 - share)
    return _least(same, differ, candidate - stable, alpha, power)


def requests_needed_for_mean(share: FloatArray, spread: float, effect: float, alpha: float, power: float) -> int | None:
    """Count the requests that a test of means needs, as ``requests_needed`` does for rates.

    Args:
        share: shape (n,), see there.
        spread: standard deviation of one request's value, on either side.
        effect: candidate - stable.
        alpha: of both sides together.
        power: probability of finding the effect.

    >>> requests_needed_for_mean(np.array([0.5]), 1.0, 1.0, 0.05, 0.9)
    43
    """
    variance = spread**2 / (share * (1 - share))
    return _least(variance, variance, effect, alpha, power)


def fixed_test(spec: MetricSpec, sample: Sample, planned: int, alpha: float) -> FixedResult:
    """Compare once, after as many requests as were planned; refuses to be asked before.

    Welch's test within each weight, put together by the information that each holds (stratification: a drift between
    weights biases nothing), with Satterthwaite's degrees of freedom; with a covariate, what it predicts is taken out
    first (CUPED, A. Deng et al., WSDM 2013). For 0/1 values this is the two-proportion z-test with variances by side.

    Args:
        spec: name, tolerated and margin of the metric.
        sample: in the order in which requests were observed.
        planned: requests that were decided on before the start, see ``requests_needed``.
        alpha: of both sides together.

    Raises:
        FairleadError: there are fewer requests than planned.
    """
    n = len(sample.difference) if isinstance(sample, Paired) else len(sample.value)
    if n < planned:
        raise FairleadError(
            f"the fixed test of {spec.name!r} was planned for {planned} requests and has {n}: a look before the end "
            "makes its error rates untrue; wait, or use analyse(), which may be looked at any time"
        )
    if isinstance(sample, Paired):
        found = _of_differences(sample.difference[:planned])
    else:
        found = _of_strata(_first(sample, planned))
    if found is None or not found.variance > 0:
        reason = "no two requests on each side" if found is None else "all values are the same: nothing varied"
        return FixedResult(metric=spec.name, requests=planned, reason=reason)
    error = math.sqrt(found.variance)
    half = float(stats.t.ppf(1 - alpha / 2, found.freedom)) * error
    against_safe = None
    if spec.margin is not None:
        against_safe = float(stats.t.cdf((found.estimate - spec.margin) / error, found.freedom))
    return FixedResult(
        metric=spec.name,
        requests=planned,
        estimate=found.estimate,
        low=found.estimate - half,
        high=found.estimate + half,
        p_harm=float(stats.t.sf((found.estimate - spec.tolerated) / error, found.freedom)),
        p_safe=against_safe,
    )


def _least(same: FloatArray, differ: FloatArray, effect: float, alpha: float, power: float) -> int | None:
    """Find the first n at which the difference exceeds both tails; variances of one request's contribution."""
    if effect == 0:
        return None
    tail, miss = float(stats.norm.ppf(1 - alpha / 2)), float(stats.norm.ppf(power))

    def short(known_same: FloatArray, known_differ: FloatArray) -> FloatArray:
        wanted: FloatArray = tail / np.sqrt(known_same) + miss / np.sqrt(known_differ) - abs(effect)
        return wanted

    known = np.cumsum(1 / same), np.cumsum(1 / differ)
    done = np.flatnonzero(short(*known) <= 0)
    if len(done):
        return int(done[0]) + 1
    # Beyond the plan the last weight goes on: each further request adds the same.
    low, high = 0, 1
    rest = (float(known[0][-1]), float(known[1][-1])), (float(1 / same[-1]), float(1 / differ[-1]))

    def enough(more: int) -> bool:
        return bool(short(*(np.array(k + more * g) for k, g in zip(*rest, strict=True))) <= 0)

    while not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return len(same) + high


def _first(sample: TwoArm, n: int) -> TwoArm:
    covariate = None if sample.covariate is None else sample.covariate[:n]
    return TwoArm(sample.candidate[:n], sample.share[:n], sample.value[:n], covariate)


def _of_differences(difference: FloatArray) -> _Spread | None:
    n = len(difference)
    return _Spread(float(difference.mean()), float(difference.var(ddof=1)) / n, n - 1) if n > 1 else None


def _of_strata(sample: TwoArm) -> _Spread | None:
    value = sample.value if sample.covariate is None else _without_the_covariate(sample.value, sample.covariate)
    parts = []
    for share in np.unique(sample.share):
        here = sample.share == share
        ours, theirs = value[here & sample.candidate], value[here & ~sample.candidate]
        if 0 < share < 1 and min(len(ours), len(theirs)) > 1:
            information = len(ours) * len(theirs) / (len(ours) + len(theirs))
            sides = [(float(side.var(ddof=1)) / len(side), len(side) - 1) for side in (ours, theirs)]
            parts.append((information, float(ours.mean() - theirs.mean()), sides))
    total = sum(information for information, _, _ in parts)
    if not parts:
        return None
    estimate = sum(information * difference for information, difference, _ in parts) / total
    terms = [((information / total) ** 2 * v, df) for information, _, sides in parts for v, df in sides]
    variance = sum(v for v, _ in terms)
    freedom = variance**2 / sum(v**2 / df for v, df in terms) if variance > 0 else 1.0
    return _Spread(estimate, variance, freedom)


def _without_the_covariate(value: FloatArray, covariate: FloatArray) -> FloatArray:
    away = covariate - covariate.mean()
    spread = float(away @ away)
    return value - (float(away @ value) / spread) * away if spread > 0 else value
