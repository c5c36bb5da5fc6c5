"""All features together as a matrix: the one form that every multivariate test reads."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from components.core.contracts import FloatArray, Kind
from components.monitoring.drift.columns import PREDICTION
from components.monitoring.drift.schema import type_of

ROWS = 5_000
"""Rows of either side that are looked at, at most: enough to tell an AUC of 0.53 from 0.5."""
VALUES = 30
"""Values of a category that are told apart, at most; the others are one."""


def matrices(
    reference: pl.DataFrame, current: pl.DataFrame, kinds: Mapping[str, Kind], seed: int, rows: int = ROWS
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Lay out a sample of both sides' rows in the same columns.

    Dates are left out, since they would tell any two windows apart, and so is the model's answer, which is no feature.
    A category becomes the rank of its value, from the most frequent on, by both sides together. Nothing here depends on
    which side a row is of, so that tests by chance alone stay right.

    Args:
        reference: rows as they were.
        current: rows as they are.
        kinds: subject → what it holds.
        seed: of the samples.
        rows: of either side, at most.

    Returns:
        Reference (n, d) and current (m, d) with NaN for missing, and the names of the d columns.

    >>> old, new = pl.DataFrame({"x": [1.0], "c": ["a"]}), pl.DataFrame({"x": [2.0], "c": ["b"]})
    >>> matrices(old, new, {"x": "float", "c": "category"}, seed=7)[1].tolist()
    [[2.0, 0.0]]
    """
    names = tuple(n for n, kind in kinds.items() if _takes_part(n, kind, reference, current))
    if not names:
        return np.empty((min(reference.height, rows), 0)), np.empty((min(current.height, rows), 0)), names
    old, new = (_sample(side.select(names), rows, seed) for side in (reference, current))
    both = [_codes(old[n], new[n]) if kinds[n] == "category" else _numbers(old[n], new[n]) for n in names]
    stacked = np.column_stack(both)
    return stacked[: len(old)], stacked[len(old) :], names


def standardised(reference: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bring each column to mean 0 and standard deviation 1 over both sides; see ``scaled``.

    >>> standardised(np.array([[1.0], [np.nan]]), np.array([[3.0]]))[0].tolist()
    [[-1.0], [0.0]]
    """
    both = np.concatenate([reference, current])
    return scaled(reference, both), scaled(current, both)


def scaled(rows: FloatArray, by: FloatArray) -> FloatArray:
    """Take each column in standard deviations from the mean that it has among other rows.

    Missing and infinite values become 0, the mean. A column that is the same throughout those rows has no unit and
    keeps its own; one that has no value there is 0.

    Args:
        rows: shape (n, d).
        by: shape (m, d), the rows that give mean and standard deviation.

    >>> scaled(np.array([[4.0]]), by=np.array([[1.0], [3.0]])).tolist()
    [[2.0]]
    """
    known = np.isfinite(by)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, by, 0).sum(axis=0) / count
    away = np.where(known, by, mean) - mean
    spread = np.sqrt((away**2).sum(axis=0) / count)
    told = np.isfinite(rows) & known.any(axis=0)
    result: FloatArray = (np.where(told, rows, mean) - mean) / np.where(spread > 0, spread, 1)
    return result


def _takes_part(name: str, kind: Kind, reference: pl.DataFrame, current: pl.DataFrame) -> bool:
    if kind == "date" or name == PREDICTION or name not in reference.columns or name not in current.columns:
        return False
    return kind == "category" or type_of(reference[name]) == type_of(current[name]) == "number"


def _sample(frame: pl.DataFrame, rows: int, seed: int) -> pl.DataFrame:
    if frame.height <= rows:
        return frame
    return frame[np.sort(np.random.default_rng(seed).choice(frame.height, rows, replace=False))]


def _numbers(old: pl.Series, new: pl.Series) -> FloatArray:
    parts = [side.cast(pl.Float64).fill_null(np.nan).to_numpy() for side in (old, new)]
    return np.concatenate(parts)


def _codes(old: pl.Series, new: pl.Series) -> FloatArray:
    both = pl.concat([old.cast(pl.String), new.cast(pl.String)])
    counted = pl.DataFrame({"value": both.drop_nulls()}).group_by("value").len().sort(["len", "value"], descending=True)
    rank = counted.with_columns(code=pl.int_range(pl.len()).clip(0, VALUES).cast(pl.Float64))
    coded = pl.DataFrame({"value": both}).join(rank, on="value", how="left", maintain_order="left")["code"]
    return coded.fill_null(np.nan).to_numpy()
