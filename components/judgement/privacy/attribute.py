"""Attribute inference: does the score tell of a person what the person keeps to themselves?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, Estimate, FloatArray
from components.core.errors import unknown
from components.judgement.privacy.art_library import attribute_guesses
from components.judgement.privacy.intervals import paired_difference

MINIMUM_ROWS = 50
"""Rows of a value below which it is not guessed."""

BANDS = 4
"""Bands of equally many rows into which a number is cut, unless the use case cuts it."""

MOST_VALUES = 10
"""Values that are guessed at most, the most frequent ones."""


@dataclass(frozen=True)
class Inferred:
    """What was guessed of one column.

    Args:
        column: its name.
        gain: share guessed rightly with the score less that without it.
        without: share guessed rightly from the other inputs and the outcome.
        usual: share that always guessing the most frequent value gets right.
        values: how many values were told apart.
        reason: why nothing was guessed; empty where it was.
    """

    column: str
    gain: Estimate
    without: float | None = None
    usual: float | None = None
    values: int = 0
    reason: str = ""


def infer(
    column: str,
    frame: pl.DataFrame,
    inputs: Columns,
    labels: FloatArray,
    probability: FloatArray,
    cuts: tuple[float, ...],
    seed: int,
) -> Inferred:
    """Let an attacker guess a column of half of the rows, with the score and without it, from all other inputs.

    Args:
        column: what is guessed.
        frame: n rows with that column.
        inputs: what a request carries, n rows by column; the column itself is left out.
        labels: shape (n,): the attacker knows how it ended.
        probability: of the model, shape (n,).
        cuts: where a number is cut into bands; without them, into four of equally many rows.
        seed: shuffles the rows and seeds the attacker.

    Raises:
        FairleadError: the rows have no such column.
    """
    if column not in frame.columns:
        raise unknown("column in judgement.privacy.sensitive", column, frame.columns)
    values = _values(frame[column], cuts)
    known, counts = np.unique(values[values >= 0], return_counts=True)
    often = known[np.argsort(-counts, kind="stable")][:MOST_VALUES]
    kept = np.sort([v for v in often if counts[known == v][0] >= MINIMUM_ROWS])
    if len(kept) < 2:
        found = ", ".join(str(c) for c in counts) or "none"
        reason = f"{column} has fewer than two values with {MINIMUM_ROWS} rows; rows by value: {found}"
        return Inferred(column, Estimate(value=None, n=int(counts.sum())), reason=reason)
    rows = np.random.default_rng([seed, len(values)]).permutation(np.flatnonzero(np.isin(values, kept)))
    truth = np.searchsorted(kept, values[rows]).astype(np.float64)
    others = as_numbers({name: v[rows] for name, v in inputs.items() if name != column})
    shown = len(rows) // 2
    right = [
        (attribute_guesses(others, labels[rows], p, truth[:shown], seed) == truth[shown:]).astype(np.float64)
        for p in (probability[rows], None)
    ]
    return Inferred(
        column=column,
        gain=paired_difference(right[0], right[1]),
        without=float(right[1].mean()),
        usual=float((truth[shown:] == np.bincount(truth[:shown].astype(np.int64)).argmax()).mean()),
        values=len(kept),
    )


def as_numbers(columns: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
    """Write rows as numbers, shape (n, columns): days for dates, places in the alphabet for categories.

    A missing value becomes one below the smallest.

    >>> as_numbers({"a": np.array([3.0, np.nan]), "b": np.array(["y", "x"], dtype=object)})
    array([[3., 1.],
           [2., 0.]])
    """
    return np.column_stack([_numbers(values) for values in columns.values()])


def _numbers(values: npt.NDArray[Any]) -> FloatArray:
    if values.dtype == object:
        known = sorted({str(v) for v in values if v is not None})
        place = {v: float(i) for i, v in enumerate(known)}
        return np.array([-1.0 if v is None else place[str(v)] for v in values])
    if values.dtype.kind == "M":
        days = values.astype("datetime64[D]").astype(np.int64).astype(np.float64)
        numbers = np.where(np.isnat(values), np.nan, days)
    else:
        numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    if missing.all():
        return np.zeros(len(numbers))
    return np.where(missing, np.nanmin(numbers) - 1, numbers)


def _values(series: pl.Series, cuts: tuple[float, ...]) -> npt.NDArray[np.int64]:
    """Number the value, or the band, of each row from 0; -1 where it is missing."""
    if not series.dtype.is_numeric():
        return (series.cast(pl.String).rank("dense").cast(pl.Int64).fill_null(0) - 1).to_numpy()
    numbers = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.full(len(numbers), -1)
    edges = np.array(cuts) if cuts else np.unique(np.quantile(known, np.arange(1, BANDS) / BANDS))
    return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right"))
