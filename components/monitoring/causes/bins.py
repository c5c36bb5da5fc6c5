"""Columns of two windows cut into the same few bins, so that numbers, categories and days are compared alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import FloatArray, Kind

EVENT_TIME = "event_time"

Codes = npt.NDArray[np.intp]
Days = npt.NDArray[np.datetime64]

LOOK = 500
DISCRETE = 12
"""A number with no more distinct values than this has a bin for each of them."""


@dataclass(frozen=True)
class Bins:
    """One column of both windows.

    Args:
        name: of the column.
        conditions: what each bin holds, in words such as ``Bank=X``; the last one holds missing values.
        reference: the bin of each row of the reference, shape (n,).
        current: the bin of each row of the newest window, shape (m,).
        ordered: whether the bins before the last rise from low to high.
    """

    name: str
    conditions: tuple[str, ...]
    reference: Codes
    current: Codes
    ordered: bool

    def shares(self) -> tuple[FloatArray, FloatArray]:
        """Share of the reference's and of the current rows in each bin, shape (bins,) each."""
        counts = [np.bincount(side, minlength=len(self.conditions)) for side in (self.reference, self.current)]
        before, now = (c / max(1, c.sum()) for c in counts)
        return before, now

    def grown(self) -> npt.NDArray[np.bool_]:
        """Which bins hold a larger share now, shape (bins,)."""
        before, now = self.shares()
        return np.asarray(now > before)


def numbers(frame: pl.DataFrame, name: str, kind: Kind) -> FloatArray:
    """Read a column as numbers, shape (n,), NaN where it is missing, infinite or no number.

    A date is told in days before its row's event: days by themselves only say that time has passed.
    """
    if kind == "date":
        ages = dates(frame, EVENT_TIME) - dates(frame, name)
        return np.where(np.isnat(ages), np.nan, ages.astype(np.float64))
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    found: FloatArray = frame[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    return np.where(np.isfinite(found), found, np.nan)


def dates(frame: pl.DataFrame, name: str) -> Days:
    """Read a column as days, shape (n,), NaT where it is missing or no day."""
    if name not in frame.columns:
        return np.full(len(frame), "NaT", dtype="datetime64[D]")
    series = frame[name]
    if series.dtype == pl.String:
        series = series.str.to_date("%Y-%m-%d", strict=False)
    if not series.dtype.is_temporal():
        return np.full(len(series), "NaT", dtype="datetime64[D]")
    return series.cast(pl.Date, strict=False).to_numpy().astype("datetime64[D]")


def words(frame: pl.DataFrame, name: str) -> pl.Series:
    """Read a column as categories; null where it is missing."""
    if name not in frame.columns:
        return pl.Series(name, [None] * len(frame), dtype=pl.String)
    return frame[name].cast(pl.String, strict=False)


def cut(
    reference: pl.DataFrame, current: pl.DataFrame, name: str, kind: Kind, *, bins: int = 10, categories: int = 15
) -> Bins:
    """Cut a column of both windows.

    Numbers are cut at the quantiles of the reference, categories into the values most frequent in either window and
    ``others``; missing values have a bin of their own.

    Args:
        reference: rows as they were, with ``event_time`` where the column is a date.
        current: rows as they are.
        name: the column; a window that lacks it counts as one where it is missing throughout.
        kind: of the column.
        bins: of a number, at most.
        categories: at most.

    >>> before, now = pl.DataFrame({"x": ["a", "a", "b"]}), pl.DataFrame({"x": ["a", "c", None]})
    >>> found = cut(before, now, "x", "category")
    >>> found.conditions, found.current.tolist()
    (('x=a', 'x=b', 'x=c', 'x missing'), [0, 2, 3])
    """
    if kind == "category":
        return _categories(words(reference, name), words(current, name), name, categories)
    before, now = numbers(reference, name, kind), numbers(current, name, kind)
    known = before[~np.isnan(before)]
    known = known if len(known) else now[~np.isnan(now)]
    distinct = _few_values(before, now)
    if distinct is not None:
        edges, conditions = distinct[:-1], [f"{name}={v:g}" for v in distinct]
    else:
        steps = np.linspace(0, 1, bins + 1)[1:-1]
        edges = np.unique(np.quantile(known, steps, method="lower")) if len(known) else np.empty(0)
        conditions = _intervals(name, edges, " days back" if kind == "date" else "")
    codes = [np.where(np.isnan(v), len(conditions), np.searchsorted(edges, v, side="left")) for v in (before, now)]
    return Bins(name, (*conditions, f"{name} missing"), codes[0], codes[1], ordered=True)


def cut_all(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    kinds: Mapping[str, Kind],
    *,
    bins: int = 10,
    categories: int = 15,
) -> list[Bins]:
    """Cut every column of ``kinds`` that at least one of the windows has."""
    return [
        cut(reference, current, name, kind, bins=bins, categories=categories)
        for name, kind in kinds.items()
        if name in reference.columns or name in current.columns
    ]


def _few_values(before: FloatArray, now: FloatArray) -> FloatArray | None:
    """Return the distinct values where there are few; None where there are many, or none."""
    found = np.empty(0)
    for side in (before[:LOOK], now[:LOOK], before, now):  # most columns show at once that they have many
        found = np.union1d(found, side[~np.isnan(side)])
        if len(found) > DISCRETE:
            return None
    return found if len(found) else None


def _intervals(name: str, edges: FloatArray, unit: str) -> list[str]:
    if not len(edges):
        return [f"{name} given"]
    shown = [f"{e:,.0f}" if abs(e) >= 999.5 else f"{e:.4g}" for e in edges]
    between = [f"{name} in ({a}, {b}]{unit}" for a, b in pairwise(shown)]
    return [f"{name} <= {shown[0]}{unit}", *between, f"{name} > {shown[-1]}{unit}"]


def _categories(before: pl.Series, now: pl.Series, name: str, most: int) -> Bins:
    weight: dict[str, float] = {}
    for side in (before, now):
        for value, count in side.drop_nulls().value_counts().iter_rows():
            weight[value] = max(weight.get(value, 0.0), count / len(side))
    ranked = sorted(weight, key=lambda v: (-weight[v], v))
    kept = sorted(ranked[:most])
    conditions = [f"{name}={v}" for v in kept]
    if len(ranked) > most:
        conditions.append(f"{name}=others")
    codes = [_codes(side, kept, len(conditions)) for side in (before, now)]
    return Bins(name, (*conditions, f"{name} missing"), codes[0], codes[1], ordered=False)


def _codes(values: pl.Series, kept: list[str], missing: int) -> Codes:
    if values.null_count() == len(values):
        return np.full(len(values), missing, dtype=np.intp)
    places = values.replace_strict(kept, list(range(len(kept))), default=len(kept), return_dtype=pl.Int64)
    found: Codes = np.where(values.is_null().to_numpy(), missing, places.fill_null(0).to_numpy())
    return found
