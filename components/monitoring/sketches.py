"""Sketches: what drift needs to know of a stream, in a few kilobytes a column, and merged exactly by adding.

Numbers are counted in bins that end at the reference's quantiles, categories by the values that the reference had most
often, as a plan says. Whoever counts by the same plan can be added to whoever else does, in any order and any number of
parts, and the sum is what one alone would have counted.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.core.errors import FairleadError, unknown
from components.monitoring.drift import binned, category
from components.monitoring.drift.binned import Counts
from components.monitoring.drift.effect import Effect, nothing
from components.monitoring.drift.grid import count_unsorted
from components.monitoring.drift.missing import count_missing, missing_share
from components.monitoring.drift.numeric import ks_chance, samples
from components.monitoring.sketch_plan import CategoryPlan, NumberPlan, Plan

NAMES = 20
"""Other values that are named, at most: the first ones by alphabet, which is the same in whatever order parts come."""
QUANTILES_APART = 0.01
"""Share of the rows between two quantiles of a bundle's reference."""
LONGEST = 64
"""Characters of a value that are kept as its name among the others."""

TENTHS = 10


@dataclass
class NumberCounts:
    """Rows by bin, and without a value."""

    bins: Counts
    missing: int = 0

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.bins.sum())


@dataclass
class CategoryCounts:
    """Rows by kept value, with another one, and without a value."""

    kept: Counts
    other: int = 0
    names: tuple[str, ...] = ()
    """Some of the other values, see ``NAMES``."""
    missing: int = 0

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.kept.sum()) + self.other


@dataclass
class Sketch:
    """Counts of some rows by a plan. ``update`` adds to it in place."""

    plan: Plan
    rows: int = 0
    counts: dict[str, NumberCounts | CategoryCounts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, part in self.plan.columns.items():
            if name not in self.counts:
                if isinstance(part, NumberPlan):
                    self.counts[name] = NumberCounts(np.zeros(len(part.edges) + 1, dtype=np.int64))
                else:
                    self.counts[name] = CategoryCounts(np.zeros(len(part.values), dtype=np.int64))

    def update(self, rows: pl.DataFrame) -> None:
        """Count more rows.

        Args:
            rows: any number of rows, with every column of the plan.

        Raises:
            FairleadError: a column of the plan is missing.
        """
        for name, part in self.plan.columns.items():
            if name not in rows.columns:
                raise unknown("columns without one of the plan's:", name, rows.columns, "Count rows that have it.")
            mine = self.counts[name]
            if isinstance(part, NumberPlan) and isinstance(mine, NumberCounts):
                _count_numbers(rows[name], part, mine)
            elif isinstance(part, CategoryPlan) and isinstance(mine, CategoryCounts):
                _count_categories(rows[name], part, mine)
        self.rows += rows.height

    def merge(self, other: "Sketch") -> "Sketch":
        """Return the sketch of the rows of both.

        Raises:
            FairleadError: they were not counted by the same plan.
        """
        if self.plan.fingerprint != other.plan.fingerprint:
            raise FairleadError(
                f"sketches by two plans ({self.plan.fingerprint[:12]}, {other.plan.fingerprint[:12]}) cannot be added; "
                "count the rows of one of them again by the plan of the other"
            )
        return Sketch(
            self.plan, self.rows + other.rows, {n: _sum(self.counts[n], other.counts[n]) for n in self.counts}
        )

    def to_json(self) -> str:
        """Write the counts and the plan's fingerprint; the plan itself is written once, by ``Plan.to_json``."""
        told: dict[str, Any] = {}
        for name, part in self.counts.items():
            if isinstance(part, NumberCounts):
                told[name] = {"bins": part.bins.tolist(), "missing": part.missing}
            else:
                rest = {"other": part.other, "names": part.names, "missing": part.missing}
                told[name] = {"kept": part.kept.tolist(), **rest}
        return json.dumps({"plan": self.plan.fingerprint, "rows": self.rows, "counts": told})

    @classmethod
    def from_json(cls, text: str, plan: Plan) -> "Sketch":
        """Read what ``to_json`` wrote.

        Raises:
            FairleadError: it was counted by another plan.
        """
        told = json.loads(text)
        if told["plan"] != plan.fingerprint:
            raise FairleadError(
                f"the sketch was counted by plan {told['plan'][:12]}, not by {plan.fingerprint[:12]}; hand in its own"
            )
        counts: dict[str, NumberCounts | CategoryCounts] = {}
        for name, part in told["counts"].items():
            if "bins" in part:
                counts[name] = NumberCounts(np.array(part["bins"], dtype=np.int64), part["missing"])
            else:
                kept = np.array(part["kept"], dtype=np.int64)
                counts[name] = CategoryCounts(kept, part["other"], tuple(part["names"]), part["missing"])
        return cls(plan, told["rows"], counts)


def sketch_of(rows: pl.DataFrame, plan: Plan) -> Sketch:
    """Count rows by a plan."""
    sketch = Sketch(plan)
    sketch.update(rows)
    return sketch


def merged(parts: Iterable[Sketch], plan: Plan) -> Sketch:
    """Add up any number of sketches by one plan."""
    total = Sketch(plan)
    for part in parts:
        total = total.merge(part)
    return total


def sketch_of_bundle(reference: Mapping[str, Any]) -> Sketch:
    """Take a bundle's ``reference.json`` (``components.training.reference``) for a sketch of its training rows.

    It has 101 quantiles of a number and no counts, so bins hold a hundredth of the rows each, and the KS distance comes
    out up to 0.01 off; for 0.001 draw up a plan from the rows themselves. Inputs, features and ``probability`` are its
    columns; where an input and a feature have one name, the feature has it.

    >>> told = {"rows": 3, "inputs": {}, "features": {}, "probability": {"missing": 1, "quantiles": [0.1, 0.2]}}
    >>> sketch_of_bundle(told).counts["probability"].bins.tolist()
    [1, 1, 0]
    """
    told = {**reference["inputs"], **reference["features"], "probability": reference["probability"]}
    parts: dict[str, NumberPlan | CategoryPlan] = {}
    counts: dict[str, NumberCounts | CategoryCounts] = {}
    for name, column in told.items():
        if "counts" in column:
            parts[name] = CategoryPlan(tuple(column["counts"]))
            kept = np.array(list(column["counts"].values()), dtype=np.int64)
            counts[name] = CategoryCounts(kept, column["other"], (), column["missing"])
        else:
            known = reference["rows"] - column["missing"]
            edges, bins = _of_quantiles(column["quantiles"], known)
            parts[name] = NumberPlan(edges, QUANTILES_APART)
            counts[name] = NumberCounts(bins, column["missing"])
    return Sketch(Plan(parts), reference["rows"], counts)


def compare(reference: Sketch, current: Sketch, column: str, test: str) -> Effect:
    """Run a drift test of a column on two sketches by one plan.

    ``ks`` is too small by the plan's ``error`` at most, and its p-value accordingly too large. ``psi``,
    ``jensen_shannon`` and ``kl`` are those of ``drift.numeric`` where the reference is the one that the plan was drawn
    up from. Categories have ``chi_square``, ``psi`` and ``jensen_shannon``, on the kept values and all others as one.
    ``missing_share`` is for both.

    Raises:
        FairleadError: an unknown column or test, or two plans.
    """
    if column not in reference.counts:
        raise unknown("column of the sketch", column, reference.counts)
    if reference.plan.fingerprint != current.plan.fingerprint:
        raise FairleadError("the two sketches were counted by two plans and so cannot be compared; count one again")
    old, new = reference.counts[column], current.counts[column]
    tests = ("ks", *_DIVERGENCES) if isinstance(old, NumberCounts) else ("chi_square", "psi", "jensen_shannon")
    if test not in (*tests, "missing_share"):
        raise unknown(f"test of the sketch of {column!r}:", test, (*tests, "missing_share"))
    if test == "missing_share" and reference.rows and current.rows:
        return missing_share((old.missing, reference.rows), (new.missing, current.rows))
    if not (old.known and new.known):
        return nothing("one of the sketches has counted no value")
    if isinstance(old, NumberCounts) and isinstance(new, NumberCounts):
        return _compare_numbers(old.bins, new.bins, test)
    assert isinstance(old, CategoryCounts)
    assert isinstance(new, CategoryCounts)
    sides = [np.append(side.kept, side.other) for side in (old, new)]
    some = sides[0] + sides[1] > 0
    return category.tests[test](category.Table(sides[0][some], sides[1][some]))


_DIVERGENCES = {"psi": binned.psi, "jensen_shannon": binned.jensen_shannon, "kl": binned.kl}


def _count_numbers(values: pl.Series, plan: NumberPlan, into: NumberCounts) -> None:
    known = samples(values[:0], values).values
    edges = plan.edges.astype(known.dtype) if known.dtype == np.float32 else plan.edges
    into.bins += count_unsorted(known, edges, plan.grid)
    into.missing += len(values) - len(known)


def _count_categories(values: pl.Series, plan: CategoryPlan, into: CategoryCounts) -> None:
    counted = values.alias("value").value_counts(name="rows").with_columns(pl.col("value").cast(pl.String))
    kept = pl.DataFrame({"value": plan.values, "place": range(len(plan.values))}, schema_overrides={"value": pl.String})
    found = counted.drop_nulls("value").join(kept, on="value", how="left")
    mine = found.drop_nulls("place")
    np.add.at(into.kept, mine["place"].to_numpy(), mine["rows"].to_numpy())
    others = found.filter(pl.col("place").is_null())
    into.other += int(others["rows"].sum())
    into.names = _first((*into.names, *others["value"].str.slice(0, LONGEST).unique().sort()[:NAMES]))
    into.missing += count_missing(values)


def _of_quantiles(quantiles: list[Any], known: int) -> tuple[FloatArray, Counts]:
    """Turn evenly spaced quantiles, observed values from minimum to maximum, into edges and rows up to each."""
    if not quantiles:
        return np.empty(0), np.array([known], dtype=np.int64)
    values = np.array(quantiles, dtype="datetime64[D]").astype(np.int64) if isinstance(quantiles[0], str) else quantiles
    edges, first, times = np.unique(np.asarray(values, dtype=np.float64), return_index=True, return_counts=True)
    # Where several quantiles are one value, rows up to it are those up to the last of them.
    upto = (first + times - 1) * (known - 1) // (len(quantiles) - 1) + 1
    return edges, np.diff(upto, prepend=0, append=known)


def _sum(one: NumberCounts | CategoryCounts, other: NumberCounts | CategoryCounts) -> NumberCounts | CategoryCounts:
    if isinstance(one, NumberCounts) and isinstance(other, NumberCounts):
        return NumberCounts(one.bins + other.bins, one.missing + other.missing)
    assert isinstance(one, CategoryCounts)
    assert isinstance(other, CategoryCounts)
    names = _first((*one.names, *other.names))
    return CategoryCounts(one.kept + other.kept, one.other + other.other, names, one.missing + other.missing)


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))[:NAMES])


def _compare_numbers(old: Counts, new: Counts, test: str) -> Effect:
    n, m = int(old.sum()), int(new.sum())
    if test == "ks":
        size = float(np.abs(np.cumsum(old) / n - np.cumsum(new) / m).max())
        return Effect(size, ks_chance(size, n, m))
    ends = _tenths(old)
    if not len(ends):
        return nothing("the reference has one value only and so a single bin; see ks")
    sides = [np.diff(np.cumsum(side)[ends], prepend=0, append=side.sum()) for side in (old, new)]
    return Effect(_DIVERGENCES[test](sides[0], sides[1]))


def _tenths(counts: Counts) -> Counts:
    """Find the bins at whose ends the reference's tenths end, as ``binned.quantile_edges`` does among values."""
    upto = np.cumsum(counts)
    n = int(upto[-1])
    found, times = np.unique(np.searchsorted(upto, -(-np.arange(1, TENTHS) * n // TENTHS)), return_counts=True)
    frequent = found[(times > 1) | (upto[found] == n)]
    before = upto[frequent] - counts[frequent]
    # The last bin below that holds reference rows.
    below = np.searchsorted(upto, before[before > 0])
    ends = np.union1d(found, below)
    inner: Counts = ends[upto[ends] < n]
    return inner
