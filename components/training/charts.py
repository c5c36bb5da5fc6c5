"""Charts of a candidate and of its data, each an SVG that stands by itself."""

import io
from collections.abc import Sequence
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.training.curves import Curves

BLUE, ORANGE, GREY = "#2563a8", "#d9730d", "#8a8f98"
COLOURS = (BLUE, ORANGE)
"""Of the test split and of the backtest."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "fairlead",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def outcome_by_year(
    years: Sequence[int], rates: Sequence[float | None], counts: Sequence[int], trained_until: int, as_of: int
) -> str:
    """Draw the share of bad outcomes by year of the event, in hindsight, over the number of rows.

    Args:
        years: one for each bar.
        rates: share of bad outcomes, 0 to 1; None, where no outcome of the year is known, has no bar.
        counts: rows.
        trained_until: last year with a row that took part in training or its tests.
        as_of: year of the training date.
    """
    with rc_context(STYLE):
        figure, axes = _axes(7.2, 2.6)
        colours = [BLUE if y <= trained_until else ORANGE if y > as_of else GREY for y in years]
        heights = [100 * (r or 0.0) for r in rates]
        axes.bar(years, heights, color=colours, width=0.75)
        for year, height, count in zip(years, heights, counts, strict=True):
            axes.annotate(f"{count:,}", (year, height), ha="center", va="bottom", fontsize=6.5, color=GREY)
        axes.set_ylabel("bad outcomes, %")
        axes.set_xticks(list(years), [str(y) for y in years], rotation=45)
        axes.axvline(as_of + 0.5, color=GREY, linewidth=1, linestyle="--")
        axes.grid(axis="x", visible=False)
        return svg(figure)


def roc(curves: Sequence[Curves]) -> str:
    """Draw the ROC curve of each data set."""
    with rc_context(STYLE):
        figure, axes = _axes(3.4, 3.0)
        for c, colour in zip(curves, COLOURS, strict=False):
            rates = [(p.false_positive_rate, p.true_positive_rate) for p in c.roc]
            axes.plot(*zip(*rates, strict=True), color=colour, label=_label(c), linewidth=1.6)
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        _legend(axes, curves, "lower right")
        return svg(figure)


def calibration(curves: Sequence[Curves]) -> str:
    """Draw, for each tenth of the rows, the mean probability against the share of bad ones with its 95 % interval."""
    with rc_context(STYLE):
        figure, axes = _axes(3.4, 3.0)
        for c, colour in zip(curves, COLOURS, strict=False):
            x, y = [p.mean_probability for p in c.parts], [p.share_bad for p in c.parts]
            ends = [[p.share_bad - p.low for p in c.parts], [p.high - p.share_bad for p in c.parts]]
            axes.errorbar(x, y, yerr=ends, fmt="o-", ms=3.5, lw=1, color=colour, label=_label(c))
        top = max((max(p.mean_probability, p.high) for c in curves for p in c.parts), default=1.0)
        axes.plot([0, top], [0, top], color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("mean probability")
        axes.set_ylabel("share of bad rows")
        _legend(axes, curves, "upper left")
        return svg(figure)


def lift(curves: Sequence[Curves]) -> str:
    """Draw the lift of each tenth of the rows, the riskiest first."""
    with rc_context(STYLE):
        figure, axes = _axes(3.4, 3.0)
        for i, (c, colour) in enumerate(zip(curves, COLOURS, strict=False)):
            places = [d + 0.38 * (i - (len(curves) - 1) / 2) for d in range(1, len(c.parts) + 1)]
            axes.bar(places, [p.lift for p in c.parts], width=0.36, color=colour, label=_label(c))
        axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("tenth of the rows, riskiest first")
        axes.set_ylabel("lift")
        _legend(axes, curves, "upper right")
        return svg(figure)


def page(curves: Sequence[Curves]) -> str:
    """Put the three charts of a candidate on one HTML page that needs no network."""
    drawn = "".join(draw(curves) for draw in (roc, calibration, lift))
    return f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Candidate</title><body>{drawn}</body></html>\n"


def _label(c: Curves) -> str:
    return f"{c.dataset} ({c.rows:,} rows)"


def _legend(axes: Axes, curves: Sequence[Curves], place: Literal["lower right", "upper left", "upper right"]) -> None:
    if curves:
        axes.legend(loc=place)
    else:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", color=GREY)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    # Not pyplot: it keeps every figure until it is closed, and belongs to whoever runs a notebook.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def svg(figure: Figure) -> str:
    """Write a figure as an SVG that can stand inside a page."""
    out = io.StringIO()
    metadata: dict[str, Any] = {"Date": None}
    figure.savefig(out, format="svg", metadata=metadata)
    text = out.getvalue()
    # The XML prologue names a host and has no place inside a page.
    return text[text.index("<svg") :]
