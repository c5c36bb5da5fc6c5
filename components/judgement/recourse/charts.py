"""Charts of recourse, each an SVG that stands by itself."""

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure as Drawing

from components.judgement.check_report import Figure
from components.training.charts import BLUE, GREY, STYLE, svg


def by_group(figures: Sequence[Figure], label: str) -> str:
    """Draw shares in percent with their intervals, a line for each thing that one is of; without data there is none."""
    told = [f for f in figures if f.estimate.value is not None][::-1]
    with rc_context(STYLE):
        drawing = Drawing(figsize=(6.4, 0.6 + 0.24 * max(1, len(told))), layout="constrained")
        axes = drawing.subplots()
        for place, figure in enumerate(told):
            found = figure.estimate
            value, low, high = (100 * (end or 0.0) for end in (found.value, found.low, found.high))
            colour = GREY if figure.of == "all" else BLUE
            axes.errorbar(value, place, xerr=[[value - low], [high - value]], fmt="o", ms=4, lw=1.2, color=colour)
        axes.set_yticks(range(len(told)), [f"{f.of} ({f.estimate.n})" for f in told])
        axes.set_xlim(0, 100)
        axes.set_xlabel(label)
        axes.grid(axis="y", visible=False)
        return svg(drawing)


def counted(names: Sequence[str], counts: Sequence[int], label: str) -> str:
    """Draw how often each of some names was counted."""
    with rc_context(STYLE):
        drawing = Drawing(figsize=(6.4, 0.6 + 0.24 * max(1, len(names))), layout="constrained")
        axes = drawing.subplots()
        axes.barh(range(len(names)), list(counts)[::-1], color=BLUE, height=0.7)
        axes.set_yticks(range(len(names)), list(names)[::-1])
        axes.set_xlabel(label)
        axes.grid(axis="y", visible=False)
        return svg(drawing)
