"""Charts of what pressure does to a model, each an SVG that stands by itself."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg


def success_curve(budgets: Sequence[float], success: Sequence[Estimate], stated: float) -> str:
    """Draw the share of attacks that succeed over the budget.

    Args:
        budgets: rising, as shares of an input's ordinary range.
        success: one for each budget, each with a value.
        stated: the budget of the gate.
    """
    with rc_context(STYLE):
        figure, axes = _axes()
        _line(axes, budgets, success, BLUE)
        axes.axvline(stated, color=GREY, linewidth=1, linestyle="--")
        axes.set_ylim(0, 1)
        axes.set_xlabel("budget, share of an input's ordinary range")
        axes.set_ylabel("attacks that succeed")
        return svg(figure)


def auc_under_noise(levels: Sequence[float], auc: Sequence[Estimate]) -> str:
    """Draw the AUC over the noise level; level 0 are the clean rows."""
    with rc_context(STYLE):
        figure, axes = _axes()
        _line(axes, levels, auc, ORANGE)
        axes.set_xlabel("noise, share of an input's ordinary range")
        axes.set_ylabel("AUC")
        return svg(figure)


def _line(axes: Axes, places: Sequence[float], estimates: Sequence[Estimate], colour: str) -> None:
    values = [e.value or 0.0 for e in estimates]
    below = [v - (e.low if e.low is not None else v) for v, e in zip(values, estimates, strict=True)]
    above = [(e.high if e.high is not None else v) - v for v, e in zip(values, estimates, strict=True)]
    axes.errorbar(places, values, yerr=[below, above], fmt="o-", ms=3.5, lw=1.2, color=colour)


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.6, 2.8), layout="constrained")
    return figure, figure.subplots()
