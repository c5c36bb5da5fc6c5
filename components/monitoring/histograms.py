"""How a column is distributed now and was before, in a few shares that can be drawn: nothing is decided by them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from components.core.contracts import FloatArray

TENTHS = 10
MOST = 8
"""Categories shown; the rest are one bar."""


def histograms(reference: pl.DataFrame, current: pl.DataFrame, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Lay out the shares of both frames' rows for the columns asked for.

    A number is cut at the tenths of the reference (fewer where they coincide); a category shows its most frequent
    values, then ``others``; ``missing`` (or no number, where there were numbers) comes last where there is any.

    Args:
        reference: rows as they were.
        current: rows as they are.
        subjects: columns; those that one of the frames lacks are passed over.

    Returns:
        For each column ``labels``, ``reference`` and ``current``; the shares of each add up to 1.

    >>> before, now = pl.DataFrame({"x": ["a", "a", "b", "b"]}), pl.DataFrame({"x": ["a", "c"]})
    >>> histograms(before, now, ["x"])["x"]
    {'labels': ['a', 'b', 'c'], 'reference': [0.5, 0.5, 0.0], 'current': [0.5, 0.0, 0.5]}
    """
    found = {}
    for name in dict.fromkeys(subjects):
        if name not in reference.columns or name not in current.columns:
            continue
        before, now = reference[name], current[name]
        if before.is_empty() or now.is_empty():
            continue
        numeric = before.dtype.is_numeric() or before.dtype.is_temporal()
        found[name] = _numbers(before, now) if numeric else _categories(before, now)
    return found


def _numbers(before: pl.Series, now: pl.Series) -> dict[str, Any]:
    old, new = _floats(before), _floats(now)
    # A column that was empty is cut by what it is now.
    known = old[~np.isnan(old)] if not np.isnan(old).all() else new[~np.isnan(new)]
    labels: list[str] = []
    shares: tuple[list[float], list[float]] = [], []
    if len(known):
        cuts = np.unique(np.quantile(known, np.linspace(0, 1, TENTHS + 1)[1:-1], method="lower"))
        text = _day if before.dtype.is_temporal() else _number
        labels = [*(f"up to {text(c)}" for c in cuts), f"above {text(cuts[-1])}"]
        shares = _shares(old, cuts), _shares(new, cuts)
    return _with_missing(labels, *shares, float(np.isnan(old).mean()), float(np.isnan(new).mean()))


def _shares(values: FloatArray, cuts: FloatArray) -> list[float]:
    places = np.searchsorted(cuts, values[~np.isnan(values)], side="left")
    return [float(n) / len(values) for n in np.bincount(places, minlength=len(cuts) + 1)]


def _categories(before: pl.Series, now: pl.Series) -> dict[str, Any]:
    old, new = _counted(before), _counted(now)
    frequent = sorted(old.keys() | new.keys(), key=lambda v: (-max(old.get(v, 0.0), new.get(v, 0.0)), v))
    shown = sorted(frequent[:MOST])
    shares = tuple([side.get(v, 0.0) for v in shown] for side in (old, new))
    labels = list(shown)
    if len(frequent) > MOST:
        labels.append("others")
        for side, into in zip((old, new), shares, strict=True):
            into.append(sum(side.get(v, 0.0) for v in frequent[MOST:]))
    was_missing, is_missing = (side.null_count() / len(side) for side in (before, now))
    return _with_missing(labels, shares[0], shares[1], was_missing, is_missing)


def _with_missing(
    labels: list[str], before: list[float], now: list[float], was_missing: float, is_missing: float
) -> dict[str, Any]:
    if was_missing or is_missing:
        labels, before, now = [*labels, "missing"], [*before, was_missing], [*now, is_missing]
    return {"labels": labels, "reference": _rounded(before), "current": _rounded(now)}


def _counted(values: pl.Series) -> dict[str, float]:
    counts = values.drop_nulls().cast(pl.String).value_counts()
    return {v: n / len(values) for v, n in counts.iter_rows()}


def _floats(values: pl.Series) -> FloatArray:
    if values.dtype.is_temporal():
        values = values.cast(pl.Date).cast(pl.Int32)
    # What is no number counts as missing: a column may come as text one day.
    floats: FloatArray = values.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    return floats


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def _day(value: float) -> str:
    return str(np.datetime64(int(value), "D"))


def _rounded(shares: list[float]) -> list[float]:
    return [round(share, 6) for share in shares]
