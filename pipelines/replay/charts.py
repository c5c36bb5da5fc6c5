"""Charts of a replay: losses by cohort with what happened, estimates beside the truth, and the alarms over time."""

from collections.abc import Sequence
from datetime import date

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg
from pipelines.replay.values import Cohort, Moment, Replayed, Way

GREEN, RED, PURPLE, AMBER = "#2e8b57", "#c0392b", "#7d5ba6", "#d99000"

WAYS: dict[Way, tuple[str, str]] = {
    "fairlead": ("the loop", ORANGE),
    "frozen": ("frozen", GREY),
    "yearly": ("yearly", BLUE),
    "yearly_early": ("yearly, early labels", PURPLE),
    "oracle": ("oracle", GREEN),
}
"""How each way is called and drawn."""


def losses(found: Replayed) -> str:
    """Draw each way's mean log loss by cohort, the share of bad loans above it, and the promotions as lines."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 4.6), layout="constrained")
        rates, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
        days = _middles(found.cohorts)
        rates.bar(days, [c.bad_rate for c in found.cohorts], width=80, color=RED, alpha=0.5)
        rates.set_ylabel("bad loans")
        for way, (name, colour) in WAYS.items():
            values = [_or_nan(c.loss[way].value) for c in found.cohorts]
            axes.plot(days, values, color=colour, label=name, linewidth=2.2 if way == "fairlead" else 1.3)
        low, high = zip(*(_ends(c.loss["fairlead"]) for c in found.cohorts), strict=True)
        axes.fill_between(days, low, high, color=ORANGE, alpha=0.2, linewidth=0)
        _mark(axes, [m for m in found.moments if m.kind == "promoted"])
        axes.set_ylabel("log loss")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right", fontsize=8)
        _by_year(axes)
        return svg(figure)


def estimates(cohorts: Sequence[Cohort]) -> str:
    """Draw what was told of each cohort beside what came true: without labels, and by the labels of a year later."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3), layout="constrained")
        axes = figure.subplots()
        ways = (
            ("came true", ORANGE, "-", [c.loss["fairlead"] for c in cohorts]),
            ("told at its end, without labels", BLUE, "--", [c.estimated for c in cohorts]),
            ("told a year later, by early labels", GREEN, ":", [c.early for c in cohorts]),
        )
        days = _middles(cohorts)
        for name, colour, line, told in ways:
            if all(e.value is None for e in told):
                continue
            # Markers, for a cohort between two of which nothing is known has no line.
            values = [_or_nan(e.value) for e in told]
            axes.plot(days, values, color=colour, linestyle=line, label=name, linewidth=1.6, marker="o", markersize=2.5)
            low, high = zip(*map(_ends, told), strict=True)
            axes.fill_between(days, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.set_ylabel("log loss")
        axes.legend(loc="upper right", fontsize=8)
        _by_year(axes)
        return svg(figure)


def alarms(found: Replayed) -> str:
    """Draw when each kind of alert was called for, and the training runs below."""
    with rc_context(STYLE):
        looks = found.details["looks"]
        names = sorted({key.partition("/")[0] for look in looks for key in (*look["red"], *look["amber"])})
        figure = Figure(figsize=(9, 0.9 + 0.28 * (len(names) + 1)), layout="constrained")
        axes = figure.subplots()
        for place, name in enumerate(names):
            for level, colour in (("amber", AMBER), ("red", RED)):
                days = [_number(date.fromisoformat(look["now"])) for look in looks if _called(look, level, name)]
                axes.scatter(days, [place] * len(days), marker="s", s=34, color=colour)
        for kind, colour, marker in (("promoted", GREEN, "^"), ("stopped", RED, "x"), ("rolled_back", RED, "v")):
            days = [_number(m.day) for m in found.moments if m.kind == kind]
            axes.scatter(
                days, [len(names)] * len(days), marker=marker, s=44, color=colour, label=kind.replace("_", " ")
            )
        axes.set_yticks(range(len(names) + 1), [*(n.replace("_", " ") for n in names), "trained anew"])
        axes.invert_yaxis()
        axes.legend(loc="upper right", fontsize=7, ncols=3)
        _by_year(axes)
        return svg(figure)


def _called(look: dict[str, list[str]], level: str, name: str) -> bool:
    return any(key.partition("/")[0] == name for key in look[level])


def _mark(axes: Axes, moments: Sequence[Moment]) -> None:
    for m in moments:
        axes.axvline(_number(m.day), color=GREY, linewidth=0.8, linestyle=":")
        axes.annotate(f"v{m.version}", (_number(m.day), 0.02), fontsize=7, color=GREY)


def _middles(cohorts: Sequence[Cohort]) -> list[float]:
    return [(_number(c.first) + _number(c.last)) / 2 for c in cohorts]


def _ends(estimate: Estimate) -> tuple[float, float]:
    """Where the interval ends; where there is none it has no width, and without a value there is nothing to draw."""
    value = _or_nan(estimate.value)
    return (value if estimate.low is None else estimate.low, value if estimate.high is None else estimate.high)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _number(day: date) -> float:
    return float(date2num(day))  # type: ignore[no-untyped-call]


def _by_year(axes: Axes) -> None:
    axes.xaxis_date()
    axes.margins(x=0.01)
