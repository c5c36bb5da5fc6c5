"""Cohorts: why the scores of one group lie above or below those of all others, feature by feature.

Contributions add up in each row, so their means add up too: the gap between the mean log-odds of a cohort and of all
other rows is the sum of the gaps of the features' contributions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.judging import Attribute
from components.core.use_case import UseCase
from components.judgement.explanations import averages
from components.judgement.explanations.contributions import Contributions
from components.judgement.fairness.groups import Grouping, grouping


@dataclass(frozen=True)
class Cohort:
    """One group beside all other rows, in log-odds.

    Args:
        name: ``sex=female``.
        gap: mean log-odds of the cohort minus that of the others; no value where one side has too few rows.
        reason: why it has none.
        differences: the same for each feature's contributions, shape (features,); empty without a gap.
        reach: how far each one's 95 % interval reaches, shape (features,).
    """

    name: str
    gap: Estimate
    reason: str
    differences: FloatArray
    reach: FloatArray

    @property
    def order(self) -> list[int]:
        """Places of the features, those that differ most first."""
        return [int(i) for i in np.argsort(-np.abs(self.differences), kind="stable")]


def groupings_of(frame: pl.DataFrame, use_case: UseCase) -> list[Grouping]:
    """Tell rows apart by the attributes of fairness, then by those of ``training.segments`` that are none of them."""
    attributes = use_case.judgement.fairness.attributes
    taken = {a.column for a in attributes}
    others = [Attribute(column=s) for s in use_case.training.segments if s not in taken]
    return [grouping(frame, a) for a in (*attributes, *others)]


def cohorts(
    explained: Contributions, groups: Iterable[Grouping], weights: FloatArray, minimum_rows: int
) -> list[Cohort]:
    """Hold each group that has a row against all other rows.

    Args:
        explained: of n rows.
        groups: how the same rows are told apart.
        weights: how many rows each stands for, shape (n,).
        minimum_rows: a group with fewer, or with fewer others, gives no data.
    """
    return [
        _cohort(explained, name, grouped.codes == code, weights, minimum_rows)
        for grouped in groups
        for code, name in enumerate(grouped.names)
        if (grouped.codes == code).any()
    ]


def _cohort(
    explained: Contributions, name: str, inside: npt.NDArray[np.bool_], weights: FloatArray, minimum_rows: int
) -> Cohort:
    n, others = int(inside.sum()), int((~inside).sum())
    needed = max(minimum_rows, 2)
    if min(n, others) < needed:
        side = f"{n} rows" if n < needed else f"{others} other rows"
        return Cohort(name, Estimate(value=None, n=n), f"{side}, needs {needed}", np.empty(0), np.empty(0))
    columns = np.column_stack([explained.log_odds, explained.contributions])
    gaps, reach = averages.difference((columns[inside], weights[inside]), (columns[~inside], weights[~inside]))
    ends = {"low": float(gaps[0] - reach[0]), "high": float(gaps[0] + reach[0])}
    return Cohort(name, Estimate(value=float(gaps[0]), n=n, **ends), "", gaps[1:], reach[1:])
