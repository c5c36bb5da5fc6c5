"""Ways that change the decision alone: one threshold for all, or one for each group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.core.contracts import FloatArray
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.parity import counted
from components.judgement.mitigation.problem import Problem

STEPS = 400
"""Thresholds that are tried: so many parts of the rows."""

NARROWEST = 0.005
"""No smaller gap is asked for: with so many steps no two groups need have the same rate."""

NONE_FLAGGED = 2.0


@dataclass(frozen=True)
class Curve:
    """What becomes of one group's rows with each of s thresholds; arrays of shape (s,)."""

    thresholds: FloatArray
    rates: FloatArray
    """Share with the favourable decision among the rows that the criterion looks at; rises with the threshold."""
    costs: FloatArray
    """Expected cost of all rows, less what flagging none would cost."""


def one_threshold(problem: Problem, strength: float) -> Decider:
    """Take the cheapest threshold that keeps the gap within a limit, the same for everyone.

    Near either end of the scores, where nobody or nearly everyone is flagged, any gap is narrow; what it costs says
    whether that is a way out.

    Args:
        problem: rows, labels, weights and groups; the threshold is sought on ``Problem.unseen``.
        strength: share of the baseline's gap on these rows that is to go.
    """
    p = problem.unseen.probability
    tried = np.unique([*np.quantile(p, np.linspace(0, 1, STEPS + 1)), problem.base.thresholds[0], NONE_FLAGGED])
    groups = range(len(problem.groups))
    curves = {int(g): curve for g in groups if (curve := _curve(problem, g, tried)) is not None}
    rates = np.array([curves[int(g)].rates for g in problem.compared])
    costs = np.sum([curve.costs for curve in curves.values()], axis=0)
    allowed = np.flatnonzero(np.ptp(rates, axis=0) <= _limit(problem, strength) + 1e-12)
    found = float(tried[allowed[np.argmin(costs[allowed])]])
    return replace(problem.base, thresholds=np.full(len(problem.groups), found), detail=_said(found))


def group_thresholds(problem: Problem, strength: float) -> Decider:
    """Take the cheapest thresholds, one for each group, that keep the gap within a limit.

    The rates of all groups lie within a window as wide as the limit. For each place of the window each group takes its
    cheapest threshold inside it, and the place that is cheapest in all is taken: no choice among the thresholds that
    are tried is cheaper. Hardt, Price and Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016, for
    any limit and without decisions by lot. Groups with too few rows to be compared keep the baseline's threshold.

    Args:
        problem: rows, labels, weights and groups; the thresholds are sought on ``Problem.unseen``.
        strength: share of the baseline's gap on these rows that is to go.
    """
    rows = problem.unseen
    curves = []
    for g in problem.compared:
        own = rows.probability[rows.codes == g]
        tried = np.unique([*np.quantile(own, np.linspace(0, 1, STEPS + 1)), problem.base.thresholds[g], NONE_FLAGGED])
        curves.append(_curve(problem, int(g), tried))
    thresholds = problem.base.thresholds.copy()
    thresholds[problem.compared] = cheapest_window([c for c in curves if c is not None], _limit(problem, strength))
    told = [f"{problem.groups.names[g]} {_said(thresholds[g])}" for g in problem.compared]
    return replace(problem.base, thresholds=thresholds, detail=", ".join(told))


def cheapest_window(curves: Sequence[Curve], width: float) -> list[float]:
    """Choose a threshold on each curve so that their rates are within ``width`` and the costs' sum is least.

    >>> steep = Curve(np.array([0.1, 0.2, 2.0]), np.array([0.5, 0.8, 1.0]), np.array([3.0, 1.0, 2.0]))
    >>> flat = Curve(np.array([0.3, 0.4, 2.0]), np.array([0.5, 0.6, 1.0]), np.array([0.0, 1.0, 1.5]))
    >>> cheapest_window([steep, flat], 1.0), cheapest_window([steep, flat], 0.2), cheapest_window([steep, flat], 0.0)
    ([0.2, 0.3], [0.2, 0.4], [0.1, 0.3])

    Args:
        curves: one for each group; every one ends where nobody is flagged, so that there is always a choice.
        width: largest gap allowed.
    """
    best, chosen = np.inf, [NONE_FLAGGED] * len(curves)
    for start in np.unique(np.concatenate([c.rates for c in curves])):
        inside = [np.flatnonzero((c.rates >= start - 1e-12) & (c.rates <= start + width + 1e-12)) for c in curves]
        if not all(map(len, inside)):
            continue
        picked = [places[np.argmin(c.costs[places])] for c, places in zip(curves, inside, strict=True)]
        total = sum(float(c.costs[i]) for c, i in zip(curves, picked, strict=True))
        if total < best - 1e-12:
            best, chosen = total, [float(c.thresholds[i]) for c, i in zip(curves, picked, strict=True)]
    return chosen


def _curve(problem: Problem, group: int, tried: FloatArray) -> Curve | None:
    """Follow one group's rows through the thresholds; None where it has none.

    The cost is that which the probabilities let expect, as with the baseline's threshold: the cheapest threshold by the
    labels of a few hundred bad rows would follow their noise.
    """
    rows, t = problem.unseen, problem.training
    own = np.flatnonzero(rows.codes == group)
    if not len(own):
        return None
    own = own[np.argsort(rows.probability[own], kind="stable")]
    p, weights = rows.probability[own], rows.weights[own]
    more = weights * ((1 - p) * t.cost_false_positive - p * t.cost_false_negative)
    below = np.searchsorted(p, tried, side="left")
    seen = _sums(weights * counted(rows.labels[own], problem.criterion))
    costs = _sums(more)
    with np.errstate(invalid="ignore"):  # a group that is not compared may have no such row
        return Curve(tried, seen[below] / seen[-1], costs[-1] - costs[below])


def _sums(values: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(values)])


def _limit(problem: Problem, strength: float) -> float:
    return max((1 - strength) * problem.gap(), NARROWEST)


def _said(threshold: float) -> str:
    return "none flagged" if threshold > 1 else f"from {threshold:.3f}"
