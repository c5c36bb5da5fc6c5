"""Charts of a look: a metric by cohort in the ways of knowing it, and the loss and the severity of earlier looks."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.monitoring.values import Findings, Performance, Severity
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg

Way = Literal["realised", "early", "estimated"]

WAYS: Mapping[Way, tuple[str, str, str]] = {
    "realised": ("o", BLUE, "realised: mature, from labels"),
    "early": ("s", ORANGE, "early: labels known so far, weighted"),
    "estimated": ("D", GREY, "estimated: without labels"),
}
"""Way of knowing a metric → marker, colour and words; the markers tell them apart without colour."""

COLOURS: Mapping[Severity, str] = {"green": "#2e8b57", "amber": "#b8860b", "red": "#c0392b", "no_data": GREY}
MARKERS: Mapping[Severity, str] = {"green": "o", "amber": "^", "red": "s", "no_data": "x"}

EPOCH = date(1970, 1, 1)
APART = 6
"""Days by which the ways are drawn beside each other."""


def by_cohort(cohorts: Sequence[Performance], metric: str, expected: Estimate | None = None) -> str:
    """Draw a metric by cohort, with its intervals, in each of the ways of knowing it.

    Cohorts that are not mature yet stand on a shaded ground.

    Args:
        cohorts: whole ones of one version, from old to new.
        metric: one of ``components.training.metrics``, or ``bad_rate``.
        expected: what the metric was when the model was judged.
    """
    with rc_context(STYLE):
        figure, axes = _axes(7.4, 2.7)
        drawn = 0
        for i, (way, (marker, colour, words)) in enumerate(WAYS.items()):
            told = [(p.cohort.first, e) for p in cohorts if (e := _told(p, way, metric)) is not None]
            drawn += len(told)
            _points(axes, told, marker, colour, words, APART * (i - 1))
        _immature(axes, cohorts)
        if expected is not None and expected.value is not None:
            axes.axhline(expected.value, color=GREY, linewidth=1, linestyle="--", label="when it was judged")
            if expected.low is not None and expected.high is not None:
                axes.axhspan(expected.low, expected.high, color=GREY, alpha=0.15, linewidth=0)
        _finish(axes, drawn, metric)
        axes.set_xlabel("first day of the cohort's events")
        return svg(figure)


def by_look(looks: Sequence[Findings], metric: str) -> str:
    """Draw the newest loss of each look, as it was known and as it was estimated then, over the severity.

    Args:
        looks: from old to new.
        metric: that alarms go by.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(7.4, 3.1), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        drawn = 0
        for i, (way, (marker, colour, words)) in enumerate(WAYS.items()):
            told = [(look.now, e) for look in looks if (e := newest(look, way, metric)) is not None]
            drawn += len(told)
            _points(top, told, marker, colour, words, APART * (i - 1))
        _finish(top, drawn, metric)
        order: tuple[Severity, ...] = ("no_data", "green", "amber", "red")
        for severity in order:
            days = [_at(look.now) for look in looks if look.severity == severity]
            heights = [order.index(severity)] * len(days)
            bottom.scatter(days, heights, color=COLOURS[severity], marker=MARKERS[severity], s=22)
        bottom.set_yticks(range(len(order)), [s.replace("_", " ") for s in order])
        bottom.set_ylim(-0.6, len(order) - 0.4)
        bottom.xaxis_date()
        bottom.set_xlabel("day of the look")
        return svg(figure)


def newest(findings: Findings, way: Way, metric: str) -> Estimate | None:
    """Return a metric of the newest cohort that has it, of the version that reigned; None where none has."""
    for p in reversed(findings.performance):
        found = _told(p, way, metric) if p.group == "all" and p.version in ("all", findings.version) else None
        if found is not None and (p.version == findings.version or not _has(findings, findings.version)):
            return found
    return None


def _has(findings: Findings, version: str) -> bool:
    return any(p.version == version for p in findings.performance)


def _told(p: Performance, way: Way, metric: str) -> Estimate | None:
    if metric == "bad_rate":
        mine = "realised" if p.mature == p.cohort.rows else "early"
        found = p.bad_rate if way == mine else None
    else:
        found = {"realised": p.realised, "early": p.early, "estimated": p.estimated}[way].get(metric)
    return found if found is not None and found.value is not None else None


def _points(
    axes: Axes, told: Sequence[tuple[date, Estimate]], marker: str, colour: str, words: str, beside: int
) -> None:
    if not told:
        return
    x = [_at(day, beside) for day, _ in told]
    y = [e.value or 0.0 for _, e in told]
    low = [max(0.0, v - (v if e.low is None else e.low)) for v, (_, e) in zip(y, told, strict=True)]
    high = [max(0.0, (v if e.high is None else e.high) - v) for v, (_, e) in zip(y, told, strict=True)]
    axes.errorbar(x, y, yerr=[low, high], fmt=f"{marker}-", ms=4, lw=0.9, color=colour, label=words, capsize=2)


def _immature(axes: Axes, cohorts: Sequence[Performance]) -> None:
    young = [p for p in cohorts if p.mature < p.cohort.rows]
    if not young:
        return
    first, last = young[0].cohort.first - timedelta(days=3 * APART), young[-1].cohort.last
    axes.axvspan(_at(first), _at(last), color=ORANGE, alpha=0.07, linewidth=0)
    # The axes' own height, not the data's: it stays at the top whatever is drawn.
    place = axes.get_xaxis_transform()
    axes.text(_at(first), 1.0, " not mature", transform=place, fontsize=7, color=ORANGE, va="top")


def _finish(axes: Axes, drawn: int, metric: str) -> None:
    if drawn:
        axes.legend(loc="best", fontsize=7)
        axes.xaxis_date()
    else:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_ylabel(metric.replace("_", " "))


def _at(day: date, beside: int = 0) -> float:
    """Place of a day on an axis of dates: days since 1970."""
    return float((day - EPOCH).days + beside)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
