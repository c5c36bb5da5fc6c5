"""Charts of a replay: losses by cohort with what happened, estimates beside the truth, and the alarms over time."""

from collections.abc import Sequence
from datetime import date

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import YearLocator, date2num
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg
from pipelines.replay.values import Cohort, Moment, Replayed, Way

GREEN, RED, PURPLE, AMBER = "#2e8b57", "#c0392b", "#7d5ba6", "#d99000"

WAYS: dict[Way, tuple[str, str, str]] = {
    "fairlead": ("the loop", ORANGE, "-"),
    "frozen": ("frozen", GREY, "-"),
    "yearly": ("yearly", BLUE, "--"),
    "yearly_early": ("yearly, early labels", PURPLE, "-."),
    "oracle": ("oracle", GREEN, ":"),
}
"""How each way is called, and in which colour and line it is drawn."""

ENDS = (("promoted", GREEN, "^"), ("stopped", RED, "x"), ("rolled_back", RED, "v"), ("held", AMBER, "o"))
"""How the ends of training runs are drawn."""


def losses(found: Replayed) -> str:
    """Draw each way's mean log loss by cohort, the share of bad loans above it, and the promotions as lines."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        rates, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
        days = _middles(found.cohorts)
        rates.bar(days, [100 * c.bad_rate for c in found.cohorts], width=80, color=RED, alpha=0.5)
        rates.set_ylabel("bad loans, %")
        for way, (name, colour, line) in WAYS.items():
            values = [_or_nan(c.loss[way].value) for c in found.cohorts]
            width = 2.2 if way == "fairlead" else 1.4
            axes.plot(days, values, color=colour, linestyle=line, label=name, linewidth=width)
        ends = [_ends(c.loss["fairlead"]) for c in found.cohorts]
        axes.fill_between(days, [e[0] for e in ends], [e[1] for e in ends], color=ORANGE, alpha=0.2, linewidth=0)
        _mark(axes, [m for m in found.moments if m.kind == "promoted"])
        axes.set_ylabel("log loss")
        axes.set_ylim(bottom=0)
        _legend(axes)
        _by_year(axes, found)
        return svg(figure)


def estimates(found: Replayed) -> str:
    """Draw what was told of each cohort beside what came true: without labels, and by the labels of a year later."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        axes = figure.subplots()
        days, cohorts = _middles(found.cohorts), found.cohorts
        ways = (
            ("came true", ORANGE, "-", [c.loss["fairlead"] for c in cohorts]),
            ("told at its end, without labels", BLUE, "--", [c.estimated for c in cohorts]),
            ("told two years later, by early labels", GREEN, ":", [c.early for c in cohorts]),
        )
        for name, colour, line, told in ways:
            if all(e.value is None for e in told):
                continue
            # Markers, for a cohort between two of which nothing is known has no line.
            values = [_or_nan(e.value) for e in told]
            axes.plot(days, values, color=colour, linestyle=line, label=name, linewidth=1.6, marker="o", markersize=2.5)
            low, high = zip(*map(_ends, told), strict=True)
            axes.fill_between(days, low, high, color=colour, alpha=0.15, linewidth=0)
        broken = found.estimate_error.broken_since
        if broken is not None:
            axes.axvline(_number(broken), color=RED, linewidth=1, linestyle="--", label="called broken")
        axes.set_ylabel("log loss")
        _legend(axes)
        _by_year(axes, found)
        return svg(figure)


def alarms(found: Replayed) -> str:
    """Draw when each kind of alert was called for, and how the training runs ended below."""
    with rc_context(STYLE):
        looks = found.details.get("looks", [])
        names = sorted({key.partition("/")[0] for look in looks for key in (*look["red"], *look["amber"])})
        figure = Figure(figsize=(9, 1.2 + 0.28 * (len(names) + 1)), layout="constrained")
        axes = figure.subplots()
        for level, colour in (("amber", AMBER), ("red", RED)):
            calls = [(look, i) for look in looks for i, name in enumerate(names) if _called(look, level, name)]
            days = [_number(date.fromisoformat(look["now"])) for look, _ in calls]
            axes.scatter(days, [i for _, i in calls], marker="s", s=30, color=colour, label=level)
        for kind, colour, marker in ENDS:
            days = [_number(m.day) for m in found.moments if m.kind == kind]
            if days:
                below = [len(names)] * len(days)
                axes.scatter(days, below, marker=marker, s=44, color=colour, label=kind.replace("_", " "))
        axes.set_yticks(range(len(names) + 1), [*(n.replace("_", " ") for n in names), "trained anew"])
        axes.set_ylim(len(names) + 0.6, -0.6)
        _legend(axes)
        _by_year(axes, found)
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


def _legend(axes: Axes) -> None:
    """Above the axes, where it hides nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, fontsize=8, borderaxespad=0.1, columnspacing=1.2)


def _by_year(axes: Axes, found: Replayed) -> None:
    axes.xaxis_date()
    axes.xaxis.set_major_locator(YearLocator())  # type: ignore[no-untyped-call]
    axes.set_xlim(_number(found.first) - 20, _number(found.last) + 20)
