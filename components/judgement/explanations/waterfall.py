"""A waterfall: the way from the base value to the score of one row, one feature after the other."""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from components.core.errors import FairleadError
from components.judgement.explanations.contributions import Contributions
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg


@dataclass(frozen=True)
class Part:
    """One step of the way, in log-odds.

    Args:
        feature: its name; ``15 others`` for those too small to be shown by themselves.
        value: what the model saw of it; None where it was missing, and for the others.
        contribution: how far it moves the score.
        start: the log-odds before it.
        end: the log-odds after it.
    """

    feature: str
    value: float | None
    contribution: float
    start: float
    end: float


@dataclass(frozen=True)
class Waterfall:
    """The parts of one score.

    Args:
        name: of the row.
        method: how contributions were computed.
        base_value: log-odds before any feature is known.
        parts: the largest first, the others together at last.
        probability: as served; the log-odds at which the parts end are its own, within single precision.
    """

    name: str
    method: str
    base_value: float
    parts: tuple[Part, ...]
    probability: float


def waterfall(explained: Contributions, row: int, name: str, top: int = 10) -> Waterfall:
    """Put the contributions of one row in order.

    Args:
        explained: of n rows.
        row: which one, from 0.
        name: what to call it.
        top: how many features are shown by themselves, one at least.

    Raises:
        FairleadError: there is no such row, or ``top`` is below 1.
    """
    if not 0 <= row < len(explained):
        raise FairleadError(f"row {row} was not explained; there are {len(explained)}, from 0")
    if top < 1:
        raise FairleadError(f"top: found {top}, allowed: 1 or more")
    places = explained.largest(row, top)
    steps: list[tuple[str, float | None, float]] = []
    for i in places:
        value = float(explained.values[row, i])
        contribution = float(explained.contributions[row, i])
        steps.append((explained.features[i], None if np.isnan(value) else value, contribution))
    rest = np.delete(explained.contributions[row], places)
    if len(rest):
        steps.append((f"{len(rest)} others", None, float(rest.sum())))
    parts, at = [], explained.base_value
    for feature, seen, contribution in steps:
        parts.append(Part(feature, seen, contribution, at, at + contribution))
        at += contribution
    return Waterfall(name, explained.method, explained.base_value, tuple(parts), float(explained.probability[row]))


def draw(shown: Waterfall) -> str:
    """Draw a waterfall as an SVG: bars from left to right in log-odds, what raises the risk orange."""
    with rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.8 + 0.26 * len(shown.parts)), layout="constrained")
        axes = figure.subplots()
        for i, part in enumerate(shown.parts):
            colour = ORANGE if part.contribution > 0 else BLUE
            axes.barh(i, part.contribution, left=part.start, color=colour, height=0.7)
            right = max(part.start, part.end)
            axes.annotate(
                f"{part.contribution:+.2f}", (right, i), xytext=(3, 0), textcoords="offset points", va="center", size=7
            )
        axes.axvline(shown.base_value, color=GREY, linewidth=0.8, linestyle=":")
        axes.axvline(shown.parts[-1].end, color=GREY, linewidth=0.8, linestyle="--")
        axes.set_yticks(range(len(shown.parts)), [_label(part) for part in shown.parts])
        axes.invert_yaxis()
        axes.use_sticky_edges = False
        axes.margins(x=0.1)
        axes.set_xlabel(f"log-odds, from {shown.base_value:.2f} (dotted) to {shown.parts[-1].end:.2f} (dashed)")
        axes.grid(axis="y", visible=False)
        return svg(figure)


def _label(part: Part) -> str:
    if part.feature.endswith(" others"):
        return part.feature
    return f"{part.feature} = " + ("missing" if part.value is None else f"{part.value:.4g}")
