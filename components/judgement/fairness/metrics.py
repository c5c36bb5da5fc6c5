"""What is compared between groups: shares of decisions and outcomes, each with the interval of every group.

Decision 0 is the one that is welcome ("favourable"), label 0 a good outcome. Every function takes rows as arrays of
shape (n,), and gives arrays of shape (k,), one for each group; rows may be weighted. Intervals follow Kish's effective
number of rows where they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.judgement.fairness.groups import Grouping
from components.training.shares import Limits, share_limits

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """n rows that were decided on.

    Args:
        labels: 1 bad, 0 good.
        decision: 1 flagged, 0 favourable.
        probability: of a bad outcome.
        weights: how many rows each stands for.

    Raises:
        FairleadError: lengths differ, or a value is not what it has to be; says how many.
    """

    labels: FloatArray
    decision: FloatArray
    probability: FloatArray
    weights: FloatArray

    def __post_init__(self) -> None:
        columns = {name: np.asarray(values) for name, values in vars(self).items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise FairleadError(f"columns of unequal length: {lengths}; hand in one value for each row")
        for name, rule, wrong in (
            ("labels", "0 or 1", ~np.isin(columns["labels"], (0, 1))),
            ("decision", "0 or 1", ~np.isin(columns["decision"], (0, 1))),
            ("probability", "from 0 to 1", ~((columns["probability"] >= 0) & (columns["probability"] <= 1))),
            ("weights", "finite and not negative", ~((columns["weights"] >= 0) & np.isfinite(columns["weights"]))),
        ):
            if wrong.any():
                found = f"{columns[name][wrong][0]} is the first of {int(wrong.sum())} in {len(wrong)} rows"
                raise FairleadError(f"{name}: {found}; allowed: {rule}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, mask: npt.NDArray[np.bool_]) -> "Rows":
        """Keep the rows where ``mask``, shape (n,), is true."""
        return Rows(self.labels[mask], self.decision[mask], self.probability[mask], self.weights[mask])


@dataclass(frozen=True)
class Levels:
    """A figure of each of k groups.

    Args:
        value: shape (k,), NaN without rows.
        rows: shape (k,), rows that each rests on.
        limits: gives the ends of each group's interval for a number of standard errors, two arrays of shape (k,).
    """

    value: FloatArray
    rows: Counts
    limits: Callable[[float], Limits]

    def of(self, groups: npt.NDArray[np.intp]) -> "Levels":
        """Keep some groups, by their places."""

        def limits(z: float) -> Limits:
            low, high = self.limits(z)
            return low[groups], high[groups]

        return Levels(self.value[groups], self.rows[groups], limits)


def selection_rate(rows: Rows, groups: Grouping) -> Levels:
    """Share with the favourable decision.

    >>> sex = Grouping("sex", ("sex=male", "sex=female"), np.array([0, 0, 1, 1]))
    >>> flagged = np.array([0.0, 0.0, 0.0, 1.0])
    >>> selection_rate(Rows(np.zeros(4), flagged, flagged, np.ones(4)), sex).value.tolist()
    [1.0, 0.5]
    """
    return _share(rows.decision == 0, np.ones(len(rows), dtype=bool), rows, groups)


def true_favourable_rate(rows: Rows, groups: Grouping) -> Levels:
    """Share with the favourable decision among rows with a good outcome."""
    return _share(rows.decision == 0, rows.labels == 0, rows, groups)


def false_favourable_rate(rows: Rows, groups: Grouping) -> Levels:
    """Share with the favourable decision among rows with a bad outcome."""
    return _share(rows.decision == 0, rows.labels == 1, rows, groups)


def predictive_value(rows: Rows, groups: Grouping) -> Levels:
    """Share of good outcomes among rows with the favourable decision."""
    return _share(rows.labels == 0, rows.decision == 0, rows, groups)


def base_rate(rows: Rows, groups: Grouping) -> Levels:
    """Share of good outcomes, whatever was decided."""
    return _share(rows.labels == 0, np.ones(len(rows), dtype=bool), rows, groups)


def average_odds(rows: Rows, groups: Grouping) -> Levels:
    """Mean of the two favourable rates, among good outcomes and among bad ones, which rest on different rows."""
    good, bad = true_favourable_rate(rows, groups), false_favourable_rate(rows, groups)
    value = (good.value + bad.value) / 2

    def limits(z: float) -> Limits:
        (low_good, high_good), (low_bad, high_bad) = good.limits(z), bad.limits(z)
        low = value - np.hypot(good.value - low_good, bad.value - low_bad) / 2
        return low, value + np.hypot(high_good - good.value, high_bad - bad.value) / 2

    return Levels(value, good.rows + bad.rows, limits)


def calibration_gap(rows: Rows, groups: Grouping) -> Levels:
    """Mean probability minus the share of bad outcomes: above 0 the group is thought riskier than it is."""
    k = len(groups)
    weight = np.bincount(groups.codes, rows.weights, k)
    gap = rows.probability - rows.labels
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.bincount(groups.codes, rows.weights * gap, k) / weight
        # Of a weighted mean, rows and their weights drawn together.
        apart = rows.weights * (gap - np.nan_to_num(value)[groups.codes])
        error = np.sqrt(np.bincount(groups.codes, apart**2, k)) / weight
    return Levels(value, groups.rows().astype(np.int64), lambda z: (value - z * error, value + z * error))


def _share(hit: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_], rows: Rows, groups: Grouping) -> Levels:
    k = len(groups)
    codes, weights = groups.codes[among], rows.weights[among]
    weight, squares = np.bincount(codes, weights, k), np.bincount(codes, weights**2, k)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.bincount(codes, weights * hit[among], k) / weight
        effective = weight**2 / squares
    counted = np.bincount(codes, minlength=k).astype(np.int64)
    return Levels(value, counted, lambda z: share_limits(value, effective, z))
