"""Charts of a rollout: weights over time, and for each metric what was known and how strongly, look by look."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.rollout.guardrails import threshold
from components.rollout.history import Look
from components.rollout.plan import Metric, Plan
from components.rollout.readiness import needed
from components.rollout.samples import Evidence
from components.rollout.state import minutes
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg

GREEN, RED = "#2e8b57", "#c0392b"

MOST_POINTS = 400
"""Looks drawn of one rollout; of more, every k-th."""

_LEAST = 1e-3
"""E-values below are drawn here: how much less than nothing was shown is of no use."""


def timeline(looks: Sequence[Look]) -> str:
    """Draw the candidate's weight over the minutes since the first look, with what was decided.

    Args:
        looks: in order, at least one.
    """
    with rc_context(STYLE):
        figure, axes = _axes(7.4, 2.4)
        at = _minutes(looks)
        weights = [look.decision.traffic.candidate for look in looks]
        ends = [*at, at[-1] + max(0.02 * at[-1], 0.05)]
        axes.step(ends, [*weights, weights[-1]], where="post", color=ORANGE, linewidth=1.8)
        axes.fill_between(ends, [*weights, weights[-1]], step="post", color=ORANGE, alpha=0.15)
        for x, look in zip(at, looks, strict=True):
            if look.decision.kind not in ("hold", "weigh"):
                colour = RED if look.decision.kind in ("roll_back", "abort") else GREY
                axes.axvline(x, color=colour, linewidth=0.8, linestyle=":")
                word = look.decision.kind.replace("_", " ")
                axes.annotate(word, (x, 104), rotation=40, fontsize=7, color=colour, annotation_clip=False)
        _mirrored(axes, at, looks)
        axes.set_ylim(0, 102)
        axes.set_ylabel("candidate's weight, %")
        axes.set_xlabel("minutes since the first look")
        return svg(figure)


def metric(plan: Plan, of: Metric, looks: Sequence[Look]) -> str:
    """Draw a metric's confidence sequence beside its e-values.

    Args:
        plan: for the thresholds.
        of: the metric.
        looks: in order; those without data on the metric are left out.
    """
    known = [(look, e) for look in looks if (e := look.observation.evidence.get(of.name)) and e.has_data]
    with rc_context(STYLE):
        figure = Figure(figsize=(7.4, 2.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        if known:
            drawn = known[:: -(-len(known) // MOST_POINTS)]
            if drawn[-1] is not known[-1]:
                drawn.append(known[-1])
            first = looks[0].observation.at
            at = [minutes(first, look.observation.at) for look, _ in drawn]
            found = [e for _, e in drawn]
            _sequence(left, of, at, found)
            _e_values(right, plan, of, at, found)
        for axes in (left, right):
            if not known:
                axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=GREY)
            axes.set_xlabel("minutes since the first look")
        return svg(figure)


def _sequence(axes: Axes, of: Metric, at: Sequence[float], found: Sequence[Evidence]) -> None:
    low, high = (
        [e.low if e.low is not None else -of.bound for e in found],
        [e.high if e.high is not None else of.bound for e in found],
    )
    estimate = [e.estimate or 0.0 for e in found]
    axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(at, estimate, color=BLUE, linewidth=1.4, marker="o" if len(at) == 1 else None)
    axes.axhline(0, color=GREY, linewidth=0.8)
    if of.guard:
        axes.axhline(of.tolerated, color=RED, linewidth=1, linestyle="--", label=f"tolerated {of.tolerated:g}")
    if of.margin is not None:
        axes.axhline(of.margin, color=GREEN, linewidth=1, linestyle="--", label=f"margin {of.margin:g}")
    # The first intervals hold everything: the later half says at which scale there is something to see.
    later = slice(len(found) // 2, None)
    lines = [of.tolerated, of.margin or 0.0, 0.0]
    bottom, top = min(*low[later], *lines), max(*high[later], *lines)
    room = 0.15 * (top - bottom or 1.0)
    axes.set_ylim(bottom - room, top + room)
    axes.set_ylabel("candidate - stable")
    axes.legend(loc="best", fontsize=7)


def _e_values(axes: Axes, plan: Plan, of: Metric, at: Sequence[float], found: Sequence[Evidence]) -> None:
    axes.set_yscale("log")
    marker = "o" if len(at) == 1 else None
    if of.guard:
        axes.plot(at, [max(e.e_harm, _LEAST) for e in found], color=RED, linewidth=1.4, marker=marker, label="harm")
        axes.axhline(threshold(plan), color=RED, linewidth=1, linestyle="--")
    if of.margin is not None:
        axes.plot(at, [max(e.e_safe, _LEAST) for e in found], color=GREEN, linewidth=1.4, marker=marker, label="safe")
        axes.axhline(needed(plan), color=GREEN, linewidth=1, linestyle="--")
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_ylabel("e-value")
    axes.legend(loc="best", fontsize=7)


def _mirrored(axes: Axes, at: Sequence[float], looks: Sequence[Look]) -> None:
    """Shade the time in which requests were copied."""
    for (x, look), (end, _) in pairwise([*zip(at, looks, strict=True), (at[-1], looks[-1])]):
        if look.decision.traffic.mirror is not None and end > x:
            axes.axvspan(x, end, color=BLUE, alpha=0.08, linewidth=0)


def _minutes(looks: Sequence[Look]) -> list[float]:
    return [minutes(looks[0].observation.at, look.observation.at) for look in looks]


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    # Not pyplot: it keeps every figure until it is closed, and belongs to whoever runs a notebook.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
