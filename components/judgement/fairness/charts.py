"""Rates of each group beside those of the others, with their intervals."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from components.core.contracts import Estimate
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg


def rates(groups: Sequence[str], selected: Mapping[str, Estimate], among_good: Mapping[str, Estimate]) -> str:
    """Draw for each group the share of favourable decisions, of all rows and of those with a good outcome.

    Args:
        groups: from top to bottom.
        selected: share by group; one without a value has no point.
        among_good: the same among good outcomes.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.9 + 0.28 * len(groups)), layout="constrained")
        axes = figure.subplots()
        for found, colour, shift, label in (
            (selected, BLUE, -0.14, "of all rows"),
            (among_good, ORANGE, 0.14, "of rows with a good outcome"),
        ):
            points = [(e, i + shift) for i, name in enumerate(groups) if (e := found[name]).value is not None]
            x = [e.value or 0.0 for e, _ in points]
            low = [v - (e.low or 0.0) for v, (e, _) in zip(x, points, strict=True)]
            high = [(e.high if e.high is not None else v) - v for v, (e, _) in zip(x, points, strict=True)]
            axes.errorbar(x, [y for _, y in points], xerr=[low, high], fmt="o", ms=3.5, lw=1, color=colour, label=label)
        for i, name in enumerate(groups):
            if selected[name].value is None:
                axes.annotate("no data", (0.01, i), xycoords=("axes fraction", "data"), va="center", color=GREY)
        axes.set_yticks(range(len(groups)), [f"{name} ({selected[name].n:,})" for name in groups], fontsize=7.5)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlabel("share with the favourable decision")
        figure.legend(loc="outside lower center", ncols=2)
        return svg(figure)
