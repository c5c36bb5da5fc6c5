"""What a look measured, held to thresholds: the reasons to alarm. Pure: the same figures always give the same calls.

Every threshold is held to the end of an interval that speaks for calm: a loss has risen only where even the good end of
what is known says so. A figure without a value calls for nothing; that it is missing is told by the calls about labels.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from components.core.contracts import Estimate
from components.core.gating import Limit
from components.core.watching import Monitoring, Threshold
from components.judgement.check_report import Figure
from components.monitoring.values import Call, CohortFairness, Drift, DriftReport, Performance
from components.training.bootstrap import MINIMUM_ROWS

OUTLIERS = Threshold(amber=0.05, red=0.25)
"""Share of odd rows; the detector calls 0.5 % of the rows odd that it learned from."""
DELAY_DAYS = Threshold(amber=30, red=90)
"""Days since the newest outcome became known, while rows wait for theirs."""
BROKEN = Threshold(amber=0.25, red=1.0)
"""How far the loss that came true lies above the one that was estimated without labels, as a share of the estimate."""
GROUP = Threshold(amber=0.25, red=1.0)
"""How far a group's loss lies above that of all rows of its cohort, as a share of it."""

_BY_KIND = {"missing": "missing", "schema": "schema"}
"""Drift of these kinds has an alert of its own; all others are ``drift``."""


@dataclass(frozen=True)
class Measured:
    """What calls are made from.

    Args:
        drift: None where there were no rows to compare.
        performance: cohorts from old to new, whole ones and by group.
        expected_loss: what the champion had when it was judged.
        outlier_rate: of the window.
        delay_days: since the newest outcome became known; 0 when no row waits for its own, None without any row due.
        fairness: of each cohort, from old to new.
    """

    drift: DriftReport | None
    performance: Sequence[Performance]
    expected_loss: Estimate
    outlier_rate: Estimate
    delay_days: float | None = None
    fairness: Sequence[CohortFairness] = ()


def calls(measured: Measured, monitoring: Monitoring, limits: Sequence[Limit] = ()) -> tuple[Call, ...]:
    """Make the calls of one look, the red ones first.

    Args:
        measured: what was found.
        monitoring: the use case's thresholds.
        limits: its gates on figures of checks; those on fairness are held to what was measured of it.
    """
    whole = [p for p in measured.performance if p.group == "all"]
    found = [
        *drift_calls(measured.drift),
        *loss_calls(whole, measured.expected_loss, monitoring),
        *broken_calls(whole, monitoring),
        *group_calls(measured.performance, monitoring),
        *outlier_calls(measured.outlier_rate),
        *coverage_calls(whole, monitoring),
        *delay_calls(measured.delay_days),
        *fairness_calls(measured.fairness, limits),
    ]
    return tuple(sorted(found, key=lambda c: c.severity == "amber"))


def drift_calls(drift: DriftReport | None) -> list[Call]:
    """Call for each subject that drifted: its most severe test speaks for it."""
    if drift is None:
        return []
    found = []
    for subject in drift.drifted():
        for name in dict.fromkeys(_BY_KIND.get(r.kind, "drift") for r in drift.of(subject)):
            mine = [r for r in drift.of(subject) if _BY_KIND.get(r.kind, "drift") == name]
            worst = max(mine, key=_how_bad)
            if worst.severity in ("amber", "red"):
                found.append(_drifted(name, worst, [r.test for r in mine if r.severity in ("amber", "red")]))
    return found


def loss_calls(whole: Sequence[Performance], expected: Estimate, monitoring: Monitoring) -> list[Call]:
    """Call where the newest loss that is known, or estimated, has risen over what the model was judged by."""
    found = []
    for name, ways in (("loss", ("realised", "early")), ("estimated_loss", ("estimated",))):
        risen = [
            call
            for way in ways
            if (call := _risen(name, way, _newest(whole, way, monitoring.loss), expected, monitoring)) is not None
        ]
        # One alert for the loss, by whichever way of knowing it tells the worse.
        found += sorted(risen, key=lambda c: (c.severity == "red", c.value))[-1:]
    return found


def broken_calls(whole: Sequence[Performance], monitoring: Monitoring) -> list[Call]:
    """Call where the estimate without labels said less than what came true.

    Of the cohorts that have both, the newest of which that is shown speaks: of younger ones too little is known yet.
    """
    for p in reversed(whole):
        known, estimated = _known(p, monitoring.loss), p.estimated.get(monitoring.loss)
        if known is None or estimated is None or estimated.value is None:
            continue
        found, told = _as_loss(known, monitoring.loss), _as_loss(estimated, monitoring.loss)
        severity = beyond(found, told, BROKEN)
        if severity is not None:
            text = f"{_cohort(p)}: {_word(monitoring.loss)} was estimated at {estimated}, and came to {known}"
            text += "; estimates are not to be relied on"
            return [_call("estimate_broken", monitoring.loss, severity, _rise(found, told), BROKEN, text)]
    return []


def group_calls(performance: Sequence[Performance], monitoring: Monitoring) -> list[Call]:
    """Call for each group whose newest known loss is shown to lie above that of its whole cohort."""
    whole = {(p.cohort.first, p.version): p for p in performance if p.group == "all"}
    newest: dict[str, Performance] = {}
    for p in performance:
        if p.group != "all" and _known(p, monitoring.loss) is not None:
            newest[p.group] = p
    found = []
    for group, p in newest.items():
        known, beside = _known(p, monitoring.loss), whole.get((p.cohort.first, p.version))
        everybody = None if beside is None else _known(beside, monitoring.loss)
        if known is None or everybody is None:
            continue
        mine, all_ = _as_loss(known, monitoring.loss), _as_loss(everybody, monitoring.loss)
        severity = beyond(mine, all_, GROUP)
        if severity is not None:
            text = f"{group}, {_cohort(p)}: {_word(monitoring.loss)} {known}, of all rows {everybody}"
            found.append(_call("group", group, severity, _rise(mine, all_), GROUP, text))
    return found


def outlier_calls(rate: Estimate) -> list[Call]:
    """Call where even the low end of the outlier rate is above its threshold."""
    severity = _severity(rate.low, OUTLIERS)
    if severity is None or rate.value is None:
        return []
    text = f"{rate.value:.1%} of {rate.n:,} rows are unlike those that the detector learned from"
    return [_call("outliers", "rows", severity, rate.value, OUTLIERS, text)]


def coverage_calls(whole: Sequence[Performance], monitoring: Monitoring) -> list[Call]:
    """Call where the newest mature cohort lacks more labels than the use case allows; red below half of it.

    A cohort of which only a handful is mature yet says nothing of how labels arrive.
    """
    mature = [p for p in whole if p.mature >= MINIMUM_ROWS]
    if not mature:
        return []
    newest = mature[-1]
    share, allowed = newest.labelled / newest.mature, monitoring.minimum_coverage
    if share >= allowed:
        return []
    severity: Literal["amber", "red"] = "red" if share < allowed / 2 else "amber"
    return [
        Call(
            name="label_coverage",
            subject="labels",
            severity=severity,
            value=share,
            threshold=allowed / 2 if severity == "red" else allowed,
            summary=f"{_cohort(newest)}: {newest.labelled:,} of {newest.mature:,} mature rows have their label "
            f"({share:.0%}, needed {allowed:.0%}); its performance is not told",
        )
    ]


def delay_calls(days: float | None) -> list[Call]:
    """Call where rows wait for labels and none has come for long."""
    severity = _severity(days, DELAY_DAYS)
    if severity is None or days is None:
        return []
    text = f"mature rows wait for their label, and the newest one became known {days:g} days ago"
    return [_call("label_delay", "labels", severity, days, DELAY_DAYS, text)]


def fairness_calls(fairness: Sequence[CohortFairness], limits: Sequence[Limit]) -> list[Call]:
    """Call for each figure of which the newest cohort that tells it shows that a gate on fairness is broken.

    At the gate a model is held to one end of an interval; here both ends have to be on the wrong side. Red where the
    gate stops a release, amber where it is only reported. A figure that was judged and is not told of logged rows (what
    features tell of an attribute, say) calls for nothing.
    """
    newest = {(f.name, f.of): (c, f) for c in fairness for f in c.figures if f.estimate.value is not None}
    found: dict[str, Call] = {}
    for limit in sorted((gate for gate in limits if gate.check == "fairness"), key=lambda gate: not gate.blocking):
        for (name, of), (cohort, figure) in newest.items():
            if name == limit.figure and _is_of(of, limit.of) and _shown_broken(figure.estimate, limit):
                call = _unfair(cohort, figure, limit)
                found.setdefault(call.subject, call)
    return list(found.values())


def beyond(found: Estimate, baseline: Estimate, allowed: Threshold) -> Literal["amber", "red"] | None:
    """Say how far a figure is shown to lie above (1 + threshold) times a baseline; None where it is not.

    Both are estimates from different rows. The interval of ``found - k * baseline`` is put together from theirs, which
    need not be symmetric: Zou and Donner, "Construction of confidence limits about effect measures" (2008).

    >>> judged = Estimate(value=0.10, low=0.09, high=0.11, n=5000)
    >>> beyond(Estimate(value=0.13, low=0.12, high=0.14, n=5000), judged, Threshold(amber=0.1, red=0.5))
    'amber'
    >>> beyond(Estimate(value=0.13, low=0.08, high=0.18, n=300), judged, Threshold(amber=0.1, red=0.5)) is None
    True
    """
    levels: tuple[tuple[Literal["red", "amber"], float], ...] = (("red", allowed.red), ("amber", allowed.amber))
    for severity, share in levels:
        if _shown_above(found, baseline, 1 + share):
            return severity
    return None


def _shown_above(found: Estimate, baseline: Estimate, times: float) -> bool:
    if found.value is None or baseline.value is None:
        return False
    low = found.value if found.low is None else found.low
    high = baseline.value if baseline.high is None else baseline.high
    room = math.hypot(found.value - low, times * (high - baseline.value))
    return found.value - times * baseline.value - room > 0


def _risen(name: str, way: str, newest: Performance | None, expected: Estimate, monitoring: Monitoring) -> Call | None:
    if newest is None:
        return None
    told: Estimate = getattr(newest, way)[monitoring.loss]
    found, judged = _as_loss(told, monitoring.loss), _as_loss(expected, monitoring.loss)
    severity = beyond(found, judged, monitoring.loss_rise)
    if severity is None:
        return None
    how = {"realised": "", "early": " by the labels known so far", "estimated": " as estimated without labels"}[way]
    text = f"{_cohort(newest)}: {_word(monitoring.loss)} {told}{how}; when the model was judged {expected}"
    return _call(name, monitoring.loss, severity, _rise(found, judged), monitoring.loss_rise, text)


def _newest(whole: Iterable[Performance], way: str, metric: str) -> Performance | None:
    with_value = [p for p in whole if (e := getattr(p, way).get(metric)) is not None and e.value is not None]
    return with_value[-1] if with_value else None


def _is_of(of: str, pattern: str) -> bool:
    """Say whether a gate on figures of ``pattern`` is about this one, as ``components.judgement.limits`` does."""
    return of != "all" and of.startswith(pattern[:-1]) if pattern.endswith("*") else of == pattern


def _shown_broken(found: Estimate, limit: Limit) -> bool:
    if found.n < limit.minimum_rows or found.low is None or found.high is None:
        return False
    below = limit.minimum is not None and found.high < limit.minimum
    return below or (limit.maximum is not None and found.low > limit.maximum)


def _unfair(cohort: CohortFairness, figure: Figure, limit: Limit) -> Call:
    threshold = limit.minimum if limit.minimum is not None else limit.maximum
    asked = f"gate {limit.gate} asks for at {'least' if limit.minimum is not None else 'most'} {threshold:g}"
    text = f"events {cohort.cohort.first} to {cohort.cohort.last}: {_word(figure.name)} of {figure.of} "
    return Call(
        name="fairness",
        subject=f"{figure.name} of {figure.of}",
        severity="red" if limit.blocking else "amber",
        value=figure.estimate.value or 0.0,
        threshold=threshold or 0.0,
        summary=f"{text}{figure.estimate}; {asked}",
    )


def _known(p: Performance, metric: str) -> Estimate | None:
    """Return what labels say of a metric: realised where that is told, else early."""
    for told in (p.realised, p.early):
        found = told.get(metric)
        if found is not None and found.value is not None:
            return found
    return None


def _as_loss(estimate: Estimate, metric: str) -> Estimate:
    """Turn a metric of which more is better, ``auc``, into what it lacks of 1."""
    if metric != "auc" or estimate.value is None:
        return estimate
    return Estimate(
        value=1 - estimate.value,
        low=None if estimate.high is None else 1 - estimate.high,
        high=None if estimate.low is None else 1 - estimate.low,
        n=estimate.n,
    )


def _rise(found: Estimate, baseline: Estimate) -> float:
    if found.value is None or not baseline.value:
        return 0.0
    return found.value / baseline.value - 1


def _severity(value: float | None, allowed: Threshold) -> Literal["amber", "red"] | None:
    if value is None or value < allowed.amber:
        return None
    return "red" if value >= allowed.red else "amber"


def _call(
    name: str, subject: str, severity: Literal["amber", "red"], value: float, allowed: Threshold, summary: str
) -> Call:
    threshold = allowed.red if severity == "red" else allowed.amber
    return Call(name=name, subject=subject, severity=severity, value=value, threshold=threshold, summary=summary)


def _how_bad(result: Drift) -> tuple[int, float]:
    order = {"no_data": 0, "green": 1, "amber": 2, "red": 3}
    return order[result.severity], (result.effect or 0.0) / (result.red or 1.0)


def _drifted(name: str, worst: Drift, tests: Sequence[str]) -> Call:
    severity: Literal["amber", "red"] = "red" if worst.severity == "red" else "amber"
    subject = "all features together" if worst.subject == "*" else worst.subject
    text = worst.reason or f"{subject}: {worst.test.replace('_', ' ')} {worst.effect or 0:.3g} beside the reference"
    also = [t.replace("_", " ") for t in tests if t != worst.test]
    return Call(
        name=name,
        subject=worst.subject,
        severity=severity,
        value=worst.effect or 0.0,
        threshold=worst.red if severity == "red" else worst.amber,
        summary=text + (f"; also by {', '.join(also)}" if also else ""),
    )


def _cohort(p: Performance) -> str:
    return f"events {p.cohort.first} to {p.cohort.last}"


def _word(metric: str) -> str:
    return metric.replace("_", " ")
