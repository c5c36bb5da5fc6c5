"""The front as a drawing: what each way leaves of the gap, against its AUC and against its cost."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.judgement.mitigation.mitigation_report import MitigationReport, Point, front
from components.judgement.mitigation.summary import AFFORDABLE
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg

GREEN = "#2b8a5a"
VIOLET = "#8250b5"
MARKS = {
    "baseline": ("*", GREY),
    "reweighing": ("o", BLUE),
    "without_proxies": ("^", BLUE),
    "constrained": ("s", ORANGE),
    "one_threshold": ("v", GREEN),
    "group_thresholds": ("D", VIOLET),
}
"""Form and colour by way; blue changes what is learned from, orange how, green and violet what is decided."""


def dear(report: MitigationReport) -> tuple[Point, ...]:
    """List the points that are too dear to be drawn, since they would flatten the rest; the table has them."""
    limit = AFFORDABLE * (report.baseline.cost.value or 0.0)
    return tuple(p for p in report.points if (p.cost.value or 0.0) > limit)


def front_chart(report: MitigationReport) -> str:
    """Draw what each way changes of AUC and cost against the gap that it leaves, with 95 % intervals.

    Fairer is to the left; more accurate is up on the left hand drawing, cheaper is down on the right hand one. A line
    joins the points that none beats, a dashed one those that none beats of the ways that do not know the group.
    """
    left_out = dear(report)
    points = [p for p in report.points if p not in left_out]
    with rc_context(STYLE):
        figure = Figure(figsize=(9.4, 4.0), layout="constrained")
        by_auc, by_cost = figure.subplots(1, 2)
        _panel(by_auc, points, [p.auc_change for p in points], 1)
        _panel(by_cost, points, [p.cost_change for p in points], -1)
        by_auc.set_ylabel("AUC of what decides, less the baseline's")
        by_cost.set_ylabel("cost per row, less the baseline's")
        for axes in (by_auc, by_cost):
            axes.set_xlabel(f"gap between groups of {report.attribute}, points")
            half = 50 * (report.baseline.gap.value or 0.0)
            axes.axvline(half, color=GREY, linewidth=0.8, linestyle=":")
            axes.annotate(
                "half", (half, 1), xycoords=("data", "axes fraction"), ha="right", va="top", fontsize=7, color=GREY
            )
        figure.legend(*by_auc.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
        return svg(figure)


def _panel(axes: Axes, points: Sequence[Point], changes: Sequence[Estimate], better: int) -> None:
    """Draw one front; ``better`` is 1 where more of what changes is better, else -1."""
    named: set[str] = set()
    at = [(100 * (p.gap.value or 0.0), y.value or 0.0) for p, y in zip(points, changes, strict=True)]
    for p, y, place in zip(points, changes, at, strict=True):
        mark, colour = MARKS[p.way]
        axes.errorbar(
            *place,
            xerr=_ends(p.gap, 100),
            yerr=_ends(y, 1),
            fmt=mark,
            color=colour,
            ecolor=f"{colour}55",
            elinewidth=0.8,
            markersize=10 if p.way == "baseline" else 6,
            label="_" if p.way in named else p.way.replace("_", " "),
        )
        if p.strength:
            axes.annotate(
                f"{p.strength:g}", place, xytext=(4, 4), textcoords="offset points", fontsize=6.5, color=colour
            )
        named.add(p.way)
    for style, chosen in (("-", at), ("--", [xy for p, xy in zip(points, at, strict=True) if not p.reads_group])):
        kept = front([better * y for _, y in chosen], [x for x, _ in chosen])
        line = sorted(xy for xy, on in zip(chosen, kept, strict=True) if on)
        axes.plot(*zip(*line, strict=True), color=GREY, linewidth=1, linestyle=style, zorder=0)


def _ends(found: Estimate, scale: float) -> list[list[float]]:
    value, low, high = found.value, found.low, found.high
    if value is None or low is None or high is None:
        return [[0.0], [0.0]]
    return [[scale * (value - low)], [scale * (high - value)]]
