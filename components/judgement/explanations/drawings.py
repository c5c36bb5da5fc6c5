"""Charts of a model's explanations, each an SVG that stands by itself."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.contracts import FloatArray
from components.judgement.explanations.dependence import Bin
from components.judgement.explanations.faithfulness import Faithfulness
from components.judgement.explanations.importance import Importance
from components.judgement.explanations.shift import Shift
from components.training.charts import BLUE, GREY, ORANGE, STYLE, svg


def importance_chart(found: Importance, top: int) -> str:
    """Draw the mean |SHAP| of the most important features with its intervals."""
    places = found.order[:top]
    with rc_context(STYLE):
        figure = _figure(6.4, 0.7 + 0.22 * len(places))
        axes = figure.subplots()
        at = np.arange(len(places))
        value = found.value[places]
        ends = _ends(value, found.low[places], found.high[places])
        axes.barh(at, value, xerr=ends, color=BLUE, height=0.7, error_kw={"ecolor": GREY, "elinewidth": 1.2})
        axes.set_yticks(at, [found.features[i] for i in places])
        axes.invert_yaxis()
        axes.set_xlabel("mean |SHAP|, log-odds")
        axes.grid(axis="y", visible=False)
        return svg(figure)


def dependence_chart(curves: Mapping[str, tuple[Bin, ...]]) -> str:
    """Draw each feature's mean contribution by tenths of its values; the missing ones stand apart, orange."""
    with rc_context(STYLE):
        lines = -(-len(curves) // 3)
        figure = _figure(7.2, 2.1 * lines)
        grid = figure.subplots(lines, 3, squeeze=False)
        for axes, (name, bins) in zip(grid.flat, curves.items(), strict=False):
            _curve(axes, [b for b in bins if b.middle is not None], BLUE)
            missing = [b for b in bins if b.middle is None and b.contribution.value is not None]
            if missing:
                right = max((b.middle for b in bins if b.middle is not None), default=0.0)
                left = min((b.middle for b in bins if b.middle is not None), default=0.0)
                _curve(axes, missing, ORANGE, right + 0.12 * ((right - left) or 1.0))
            axes.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
            axes.set_title(name, fontsize=9)
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        figure.supylabel("mean contribution, log-odds", fontsize=8)
        return svg(figure)


def faithfulness_chart(found: Faithfulness) -> str:
    """Draw deletion and insertion curves beside those in random order."""
    with rc_context(STYLE):
        figure = _figure(7.2, 2.6)
        pairs = {
            "deletion": (found.deletion, found.random_deletion),
            "insertion": (found.insertion, found.random_insertion),
        }
        for axes, (name, (ordered, chance)) in zip(figure.subplots(1, 2), pairs.items(), strict=True):
            steps = np.arange(len(ordered))
            axes.plot(steps, ordered, color=BLUE, linewidth=1.6, label="by contribution")
            axes.plot(steps, chance, color=GREY, linewidth=1.2, linestyle="--", label="in random order")
            axes.set_title(name, fontsize=9)
            axes.set_xlabel("features replaced" if name == "deletion" else "features put in")
            axes.legend(loc="lower right")
        figure.supylabel("share of the way", fontsize=8)
        return svg(figure)


def shift_chart(found: Shift, top: int) -> str:
    """Draw the shares of importance under both models for the features that matter most to either."""
    places = np.argsort(-np.maximum(found.old_share, found.new_share), kind="stable")[:top]
    with rc_context(STYLE):
        figure = _figure(6.4, 0.7 + 0.22 * len(places))
        axes = figure.subplots()
        for at, i in enumerate(places.tolist()):
            old, new = 100 * float(found.old_share[i]), 100 * float(found.new_share[i])
            axes.plot([old, new], [at, at], color=GREY, linewidth=1.2)
            axes.plot(old, at, "o", color=GREY, ms=4, label="champion" if at == 0 else None)
            axes.plot(new, at, "o", color=BLUE, ms=5, label="this model" if at == 0 else None)
        axes.set_yticks(range(len(places)), [found.features[i] for i in places])
        axes.invert_yaxis()
        axes.set_xlabel("share of the importance, %")
        axes.legend(loc="lower right")
        return svg(figure)


def _curve(axes: Axes, bins: list[Bin], colour: str, place: float | None = None) -> None:
    known = [b.contribution for b in bins if b.contribution.value is not None]
    middles = [b.middle for b in bins if b.contribution.value is not None]
    at = np.array(middles if place is None else [place], dtype=np.float64)
    if not known:
        return
    value = np.array([e.value for e in known], dtype=np.float64)
    low, high = (np.array([getattr(e, end) for e in known], dtype=np.float64) for end in ("low", "high"))
    axes.errorbar(at, value, yerr=_ends(value, low, high), fmt="o-", ms=3, lw=1, color=colour)


def _ends(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    # Rounding may put an end on the wrong side by the last bit, which matplotlib refuses.
    ends: FloatArray = np.maximum(np.stack([value - low, high - value]), 0.0)
    return ends


def _figure(width: float, height: float) -> Figure:
    # Not pyplot: it keeps every figure until it is closed, and belongs to whoever runs a notebook.
    return Figure(figsize=(width, height), layout="constrained")
