"""The chart of the privacy check: how many members each attack finds for how many false alarms."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from components.core.contracts import FloatArray
from components.judgement.privacy.intervals import Mask
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg

COLOURS = (BLUE, ORANGE, "#2a8f5b", "#7a4fb5")

POINTS = 200
"""Points to a curve at most."""


def curves(scores: Mapping[str, FloatArray], members: Mask) -> str:
    """Draw members found over others taken for one, on logarithmic scales (Carlini et al. 2022), as an SVG.

    Args:
        scores: attack → score of shape (n,).
        members: shape (n,).
    """
    smallest = 1 / max(2, int((~members).sum()), int(members.sum()))
    with rc_context(STYLE):
        figure = Figure(figsize=(3.8, 3.2), layout="constrained")
        axes = figure.subplots()
        for (name, score), colour in zip(scores.items(), COLOURS, strict=False):
            false, true = _rates(score, members)
            axes.plot(false, true, color=colour, label=name, linewidth=1.4)
        axes.plot([smallest, 1], [smallest, 1], color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(smallest, 1)
        axes.set_ylim(smallest, 1.05)
        axes.set_xlabel("others taken for members")
        axes.set_ylabel("members found")
        axes.legend(loc="lower right")
        return svg(figure)


def _rates(score: FloatArray, members: Mask) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    true = np.cumsum(members[order])[last] / max(1, members.sum())
    false = np.cumsum(~members[order])[last] / max(1, (~members).sum())
    seen = (true > 0) & (false > 0)
    true, false = true[seen], false[seen]
    chosen = np.unique(np.geomspace(1, len(true), POINTS).astype(np.int64) - 1) if len(true) else np.zeros(0, int)
    return false[chosen], true[chosen]
