"""Likeness: how far a synthetic table's columns, and pairs of columns, lie from the real one's."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import UseCase

Codes = npt.NDArray[np.int64]

FINE, COARSE = 200, 8
"""Bins of equal mass for single columns and for pairs; categories keep their most frequent values."""

ROUNDS, PAIR_ROUNDS = 300, 30
"""Bootstrap rounds."""

PAIR_ROWS = 20_000
"""Rows of each table that pairs are counted on at most, drawn by seed."""


@dataclass(frozen=True)
class Margin:
    """One column's distance.

    Args:
        column: its name.
        measure: ``KS`` (numbers, days) or ``TV`` (categories).
        distance: between the real and the synthetic rows.
        floor: the same between the real rows and held-out real ones: what chance alone makes.
    """

    column: str
    measure: str
    distance: Estimate
    floor: Estimate


@dataclass(frozen=True)
class Pairs:
    """Distances of all pairs of columns (total variation of their two-way tables).

    Args:
        mean: over the pairs.
        floor: the same between the real rows and held-out ones.
        worst: pairs with the largest distance first, with it.
        count: how many pairs.
    """

    mean: Estimate
    floor: Estimate
    worst: tuple[tuple[str, str, float], ...]
    count: int


def compared_columns(use_case: UseCase) -> list[str]:
    """List the columns that can be compared: all but those in which every row has a value of its own."""
    data = use_case.data
    return [n for n, c in data.columns.items() if not c.unique and n != data.row_id]


def margins(
    real: pl.DataFrame, synthetic: pl.DataFrame, held_out: pl.DataFrame, use_case: UseCase, seed: int
) -> list[Margin]:
    """Measure each column: Kolmogorov and Smirnov's largest difference of the cumulative shares for numbers and days
    (over ``FINE`` bins; a missing value lies below all others), total variation for categories (half the sum of
    differences in shares).

    Intervals are bootstrapped over the rows of both tables and reversed, because resampling pushes distances up (as in
    ``components.training.bootstrap``).

    Args:
        real: the rows that the generator learned from, typed.
        synthetic: its rows.
        held_out: real rows that it did not see.
        use_case: names the columns.
        seed: of the bootstrap.
    """
    found = []
    for i, name in enumerate(compared_columns(use_case)):
        rng = np.random.default_rng([seed, i])
        category = use_case.data.columns[name].kind == "category"
        codes = _coded(name, {"real": real, "synthetic": synthetic, "held_out": held_out}, category, FINE)
        size = 1 + max(int(c.max()) for c in codes.values())
        counts = {k: np.bincount(c, minlength=size).astype(np.float64) for k, c in codes.items()}
        pairs = [(counts["real"], counts[other]) for other in ("synthetic", "held_out")]
        distance, floor = (_between(a, b, category, rng) for a, b in pairs)
        found.append(Margin(name, "TV" if category else "KS", distance, floor))
    return found


def pairs(real: pl.DataFrame, synthetic: pl.DataFrame, held_out: pl.DataFrame, use_case: UseCase, seed: int) -> Pairs:
    """Measure all pairs of columns, as ``margins`` does single ones, over ``COARSE`` bins of each column."""
    rng = np.random.default_rng(seed)
    tables = {"real": real, "synthetic": synthetic, "held_out": held_out}
    tables = {k: t.sample(min(PAIR_ROWS, t.height), seed=seed) for k, t in tables.items()}
    columns = compared_columns(use_case)
    kinds = use_case.data.columns
    coded = {name: _coded(name, tables, kinds[name].kind == "category", COARSE) for name in columns}
    sizes = {name: 1 + max(int(c.max()) for c in by_table.values()) for name, by_table in coded.items()}
    rows = {k: t.height for k, t in tables.items()}

    def distances(other: str, first: Codes | None, second: Codes | None) -> FloatArray:
        shares = {
            k: [
                _two_way(coded[a][k], coded[b][k], sizes[a] * sizes[b], sizes[b], at)
                for a, b in combinations(columns, 2)
            ]
            for k, at in (("real", first), (other, second))
        }
        return np.array([0.5 * np.abs(p - q).sum() for p, q in zip(shares["real"], shares[other], strict=True)])

    values, means = {}, {}
    for other in ("synthetic", "held_out"):
        values[other] = distances(other, None, None)
        drawn = [
            distances(other, *(rng.integers(0, rows[k], rows[k]) for k in ("real", other))).mean()
            for _ in range(PAIR_ROUNDS)
        ]
        means[other] = _reversed(float(values[other].mean()), np.array(drawn), rows["real"] + rows[other])
    names = list(combinations(columns, 2))
    order = np.argsort(-values["synthetic"], kind="stable")
    worst = tuple((*names[i], float(values["synthetic"][i])) for i in order[:10])
    return Pairs(mean=means["synthetic"], floor=means["held_out"], worst=worst, count=len(names))


def _coded(name: str, tables: Mapping[str, pl.DataFrame], category: bool, most: int) -> dict[str, Codes]:
    """Code a column of several tables alike, by the values of the real one; 0 is missing."""
    real = tables["real"][name]
    if category:
        frequent = real.drop_nulls().value_counts(sort=True, name="rows").sort(["rows", name], descending=[True, False])
        place = {value: i + 1 for i, value in enumerate(frequent[name].head(most).to_list())}
        other = len(place) + 1
        return {
            k: np.array([0 if v is None else place.get(v, other) for v in t[name].to_list()], dtype=np.int64)
            for k, t in tables.items()
        }
    numbers = {k: as_numbers(t[name]) for k, t in tables.items()}
    known = numbers["real"][~np.isnan(numbers["real"])]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, most + 1)[1:])) if len(known) else np.array([0.0])
    return {k: np.where(np.isnan(v), 0, np.searchsorted(edges, v, side="left") + 1) for k, v in numbers.items()}


def as_numbers(column: pl.Series) -> FloatArray:
    """Give numbers or days (since 1970) as floats, NaN where missing."""
    plain = column.cast(pl.Int32) if column.dtype == pl.Date else column
    numbers: FloatArray = plain.cast(pl.Float64).to_numpy()
    return numbers


def _between(first: FloatArray, second: FloatArray, category: bool, rng: np.random.Generator) -> Estimate:
    n, m = int(first.sum()), int(second.sum())
    if min(n, m) == 0:
        return Estimate(value=None, n=n + m)

    def distance(a: FloatArray, b: FloatArray) -> FloatArray:
        gap = a / n - b / m
        far: FloatArray = 0.5 * np.abs(gap).sum(axis=-1) if category else np.abs(np.cumsum(gap, axis=-1)).max(axis=-1)
        return far

    draws = (rng.multinomial(k, c / k, ROUNDS).astype(np.float64) for k, c in ((n, first), (m, second)))
    drawn = distance(*draws)
    return _reversed(float(distance(first, second)), drawn, n + m)


def _reversed(value: float, drawn: FloatArray, n: int) -> Estimate:
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    return Estimate(value=value, low=max(0.0, min(value, 2 * value - high)), high=max(value, 2 * value - low), n=n)


def _two_way(a: Codes, b: Codes, size: int, width: int, rows: Codes | None) -> FloatArray:
    flat = a * width + b
    counts = np.bincount(flat if rows is None else flat[rows], minlength=size)
    shares: FloatArray = counts / counts.sum()
    return shares
