"""Dependence: how a feature's contribution runs with its value."""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.judgement.explanations import averages

BINS = 10
DISTINCT = 12
"""A feature with so few values has a bin for each."""


@dataclass(frozen=True)
class Bin:
    """Rows with alike values of a feature.

    Args:
        label: the values, ``2``, ``3.5 to 7.2`` or ``missing``.
        middle: the rows' mean value; None where it is missing.
        contribution: mean contribution in log-odds, with its interval.
    """

    label: str
    middle: float | None
    contribution: Estimate


def dependence(values: FloatArray, contributions: FloatArray, weights: FloatArray, bins: int = BINS) -> tuple[Bin, ...]:
    """Average a feature's contributions within tenths of its values; the missing ones come last.

    After Lundberg et al. 2020, "SHAP dependence plots"; in bins, so that each point has an interval. A feature with
    ``DISTINCT`` values or fewer has a bin for each.

    Args:
        values: of one feature, shape (n,), NaN for missing.
        contributions: shape (n,).
        weights: shape (n,).
        bins: at most so many of a feature with more values, missing not counted.
    """
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if len(distinct) > DISTINCT:
        cuts = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    else:
        cuts = distinct[:-1]
    place = np.searchsorted(cuts, values, side="left")
    found = []
    for i in range(len(cuts) + 1 if len(distinct) else 0):
        inside = known & (place == i)
        if inside.any():
            low, high = float(values[inside].min()), float(values[inside].max())
            label = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
            middle = float(np.average(values[inside], weights=weights[inside]))
            found.append(Bin(label, middle, averages.of(contributions[inside], weights[inside])))
    if not known.all():
        found.append(Bin("missing", None, averages.of(contributions[~known], weights[~known])))
    return tuple(found)
