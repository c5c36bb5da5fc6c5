"""Pressure: how strongly drift, performance and time call for a new training run, each with its figures in words.

All three are made so that 1 is where something is due. Of drift: the mean strain of what was tested, weighted by how
much the model's answers hang on it; the strain of a subject is 0 while it is green, a half where amber begins, 1 where
red begins, and beyond that the effect as a multiple of red, at most ``MOST_STRAIN``; times what the newest loss that is
estimated without labels is of the one that the model was judged by, since a change that makes rows easier is no reason
to train in haste. Of performance: how far the loss is shown to have risen, as a multiple of the rise that is allowed.
Of the schedule: the time since the last training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from components.core.contracts import Estimate
from components.core.watching import Monitoring, Retraining
from components.monitoring.values import Drift, Findings, Performance

Trigger = Literal["drift", "performance", "schedule"]

MOST_STRAIN = 3.0
"""So much may one subject strain: PSI and its like have no upper end, and one broken column must not decide alone."""

LOSS_FACTOR = (0.25, 2.0)
"""The estimated loss may weaken or strengthen what drift calls for by so much: it holds while scores are calibrated."""

ESTIMATED = 0.5
"""What a loss estimated without labels counts, beside one that is known: it holds only while scores are calibrated."""

LEAST_BUDGET = 0.01
"""A rise of the loss that is allowed counts as at least this share, so that there is something to divide by."""


@dataclass(frozen=True)
class Pressure:
    """How strongly one trigger calls.

    Args:
        trigger: which.
        value: 1 is where a run is due.
        reason: in words, with figures.
    """

    trigger: Trigger
    value: float
    reason: str


def of_drift(findings: Findings, monitoring: Monitoring | None = None, trained: Sequence[date] = ()) -> Pressure:
    """Count the drift of the inputs and features that were tested, weighted by importance and by the estimated loss.

    Shares come from ``findings.figures["importance"]``; where there are none, all subjects count alike. What was not
    tested for lack of data counts neither way. Changes of the predictions, of all features together and of the table's
    form are told in the reason and add nothing: they say the same once more, or that the data is broken.

    Args:
        findings: of the look.
        monitoring: names the loss; None leaves the estimated loss out.
        trained: training dates so far, see ``of_performance``.
    """
    if findings.drift is None:
        return Pressure("drift", 0.0, "drift: nothing is known, there were no rows to compare")
    tested = _strains(findings.drift.results)
    if not tested:
        return Pressure("drift", 0.0, "drift: nothing is known, there was too little data to test any feature")
    shares = _shares(findings.figures.get("importance", {}), tested)
    parts = {name: strain * shares[name] for name, (strain, _) in tested.items() if strain * shares[name] > 0}
    factor = 1.0 if monitoring is None else _estimated_factor(findings, monitoring, trained)
    value = factor * sum(parts.values())
    worst = sorted(parts, key=lambda name: (-parts[name], name))[:3]
    told = "; ".join(_told(name, tested[name][1], shares[name]) for name in worst)
    more = f"; and {len(parts) - len(worst)} more" if len(parts) > len(worst) else ""
    what = f": {told}{more}" if parts else f": none of {len(tested)} tested subjects drifted"
    times = "" if factor == 1 else f"; times {factor:.2f}, the loss estimated without labels beside the one judged by"
    return Pressure("drift", value, f"drift {value:.2f}{what}{times}{_beside(findings.drift.results)}")


def _estimated_factor(findings: Findings, monitoring: Monitoring, trained: Sequence[date]) -> float:
    """Return the newest estimated loss as a multiple of what the model was judged by; 1 where either is not known."""
    newest = _newest(_of_champion(findings, trained), ("estimated",), monitoring.loss)
    judged = as_loss(findings.expected_loss, monitoring.loss).value
    told = None if newest is None else as_loss(newest[1], monitoring.loss).value
    if told is None or not judged:
        return 1.0
    low, high = LOSS_FACTOR
    return min(high, max(low, told / judged))


def of_performance(findings: Findings, monitoring: Monitoring, trained: Sequence[date]) -> Pressure:
    """Count how far the reigning model's loss is shown to lie above what it was judged by.

    The newest cohort whose loss is known, realised or early, speaks; the newest estimate without labels speaks beside
    it with half the weight. What another version answered says nothing of this one. Each rise is the one at the end of
    the interval that speaks for calm, see ``least_rise``.

    Args:
        findings: of the look.
        monitoring: names the loss, and the rise that is allowed.
        trained: training dates so far, old to new; of cohorts of all versions together, those after the last count.
    """
    cohorts = _of_champion(findings, trained)
    metric, expected = monitoring.loss, as_loss(findings.expected_loss, monitoring.loss)
    budget = max(monitoring.loss_rise.amber, LEAST_BUDGET)
    found = []
    for ways, weight, how in ((("realised", "early"), 1.0, ""), (("estimated",), ESTIMATED, ", estimated")):
        newest = _newest(cohorts, ways, metric)
        rise = None if newest is None else least_rise(as_loss(newest[1], metric), expected)
        if newest is None or rise is None:
            continue
        cohort, told = newest
        value = weight * max(0.0, rise) / budget
        text = (
            f"performance {value:.2f}: {metric} {told} of events {cohort.cohort.first} to {cohort.cohort.last}{how}, "
            f"judged by {findings.expected_loss}: risen by {rise:+.0%} at least, allowed {budget:.0%}"
            + (f", counted {weight:g}" if weight != 1 else "")
        )
        found.append(Pressure("performance", value, text))
    if not found:
        none = f"performance: nothing is known, no {metric} of version {findings.version} can be told yet"
        return Pressure("performance", 0.0, none)
    return max(found, key=lambda p: p.value)


def of_schedule(settings: Retraining, trained: Sequence[date], now: date) -> Pressure:
    """Count the time since the last training; at ``schedule_months`` it reaches the pressure at which a run is due."""
    months = settings.schedule_months or 0
    if not trained:
        return Pressure("schedule", settings.pressure, "schedule: due, no training date is known")
    due = after(trained[-1], months)
    value = settings.pressure * max(0, (now - trained[-1]).days) / max(1, (due - trained[-1]).days)
    return Pressure("schedule", value, f"schedule {value:.2f}: last trained as of {trained[-1]}, due on {due}")


def least_rise(found: Estimate, baseline: Estimate) -> float | None:
    """Return the smallest rise over the baseline, as a share of it, that the two intervals allow; None without values.

    It is the lower limit of the ratio of two estimates from different rows, less 1: where ``beyond`` of
    ``components.monitoring.calls`` changes its mind. Source: A. Donner and G. Zou, "Closed-form confidence intervals
    for functions of the normal mean and standard deviation" (2012), with the intervals that are given (MOVER-R).

    >>> judged = Estimate(value=0.10, low=0.10, high=0.10, n=5000)
    >>> round(least_rise(Estimate(value=0.13, low=0.12, high=0.14, n=5000), judged), 6)
    0.2
    """
    if found.value is None or not baseline.value:
        return None
    f, b = found.value, baseline.value
    low = f if found.low is None else found.low
    high = b if baseline.high is None else baseline.high
    both, ends = low * (2 * f - low), high * (2 * b - high)
    root = max(0.0, (f * b) ** 2 - both * ends) ** 0.5
    return both / (f * b + root) - 1 if f * b + root > 0 else -1.0


def as_loss(estimate: Estimate, metric: str) -> Estimate:
    """Turn a metric of which more is better, ``auc``, into what it lacks of 1; others are losses already.

    >>> as_loss(Estimate(value=0.75, low=0.5, high=1.0, n=100), "auc").high
    0.5
    """
    if metric != "auc" or estimate.value is None:
        return estimate
    return Estimate(
        value=1 - estimate.value,
        low=None if estimate.high is None else 1 - estimate.high,
        high=None if estimate.low is None else 1 - estimate.low,
        n=estimate.n,
    )


def after(day: date, months: int) -> date:
    """Return the day so many calendar months later; where that month has no such day, its last one.

    >>> after(date(2004, 1, 31), 1)
    datetime.date(2004, 2, 29)
    """
    later: date = pl.Series([day]).dt.offset_by(f"{months}mo").item()
    return later


def strain(result: Drift) -> float:
    """Return how much one test's result strains: 0 green, 0.5 where amber begins, 1 where red begins, at most 3.

    >>> result = dict(subject="x", kind="numeric", test="ks", amber=0.1, red=0.2, reference_rows=9, current_rows=9)
    >>> [strain(Drift(effect=e, severity=s, **result)) for e, s in ((0.15, "amber"), (0.4, "red"), (9, "red"))]
    [0.75, 2.0, 3.0]
    """
    if result.severity not in ("amber", "red") or result.effect is None:
        return 0.0
    if result.effect >= result.red:
        return min(MOST_STRAIN, result.effect / result.red) if result.red > 0 else 1.0
    return 0.5 + 0.5 * max(0.0, result.effect - result.amber) / (result.red - result.amber)


def _strains(results: Sequence[Drift]) -> dict[str, tuple[float, Drift]]:
    """For each tested input or feature its largest strain, and by which test."""
    found: dict[str, tuple[float, Drift]] = {}
    for result in results:
        if result.kind not in ("numeric", "category", "embedding", "missing") or result.effect is None:
            continue
        mine = strain(result)
        if result.subject not in found or mine > found[result.subject][0]:
            found[result.subject] = (mine, result)
    return found


def _shares(importance: Mapping[str, float], tested: Mapping[str, object]) -> dict[str, float]:
    """Importance of the tested subjects; it adds up to 1, whether inputs, features or both were tested."""
    known = {name: max(0.0, float(importance.get(name, 0.0))) for name in tested}
    whole = sum(known.values())
    return {name: share / whole if whole else 1 / len(tested) for name, share in known.items()}


def _told(name: str, result: Drift, share: float) -> str:
    bound = result.red if result.severity == "red" else result.amber
    effect = result.effect or 0.0
    test = result.test.replace("_", " ")
    return f"{name} {test} {effect:.3g} ({result.severity} from {bound:g}) x importance {share:.0%}"


def _beside(results: Sequence[Drift]) -> str:
    words = {"prediction": "the predictions", "multivariate": "all features together", "schema": "the table's form"}
    found = [w for kind, w in words.items() if any(r.kind == kind and r.severity in ("amber", "red") for r in results)]
    return f"; beside that {', '.join(found)} changed" if found else ""


def _of_champion(findings: Findings, trained: Sequence[date]) -> list[Performance]:
    whole = [p for p in findings.performance if p.group == "all"]
    mine = [p for p in whole if p.version == findings.version]
    if mine:
        return mine
    return [p for p in whole if p.version == "all" and (not trained or p.cohort.last > trained[-1])]


def _newest(cohorts: Sequence[Performance], ways: Sequence[str], metric: str) -> tuple[Performance, Estimate] | None:
    for p in sorted(cohorts, key=lambda c: c.cohort.last, reverse=True):
        for way in ways:
            told: Estimate | None = getattr(p, way).get(metric)
            if told is not None and told.value is not None:
                return p, told
    return None
