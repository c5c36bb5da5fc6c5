"""Rows in the one form that every stage from features on uses: a mapping from column name to array."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from components.core.contracts import Columns, Field, FloatArray
from components.core.errors import ContractViolation
from components.core.use_case import UseCase

if TYPE_CHECKING:  # a model server has no need of polars
    import polars as pl

HISTORY = ("count", "bad", "last_bad")
"""What is known of an entity at a time: prior rows and prior bad outcomes in its window, date of the latest bad one."""


def history_columns(entity: str) -> tuple[str, ...]:
    """Name the columns of an entity's history.

    >>> history_columns("bank")
    ('bank_count', 'bank_bad', 'bank_last_bad')
    """
    return tuple(f"{entity}_{part}" for part in HISTORY)


def request_fields(use_case: UseCase) -> tuple[Field, ...]:
    """List what a prediction request has to carry: the use case's inputs, then each entity's history.

    A history that is missing means an entity never seen before.
    """
    # A column's latest day is the table's: requests come after it.
    same = ("kind", "nullable", "minimum", "maximum", "earliest", "values")
    inputs = [
        Field(name=name, **{part: getattr(c, part) for part in same})
        for name in use_case.features.inputs
        for c in [use_case.data.columns[name]]
    ]
    for entity in use_case.features.entities:
        count, bad, last_bad = history_columns(entity.name)
        inputs += [
            Field(name=count, kind="float", nullable=True, minimum=0),
            Field(name=bad, kind="float", nullable=True, minimum=0),
            Field(name=last_bad, kind="date", nullable=True),
        ]
    return tuple(inputs)


def from_frame(frame: "pl.DataFrame", fields: Sequence[Field]) -> Columns:
    """Take the fields' columns out of a polars frame.

    Args:
        frame: n rows; numbers, strings and dates in the types that ingest and the feature store give.
        fields: which columns, in which kind.

    Raises:
        ContractViolation: a column is missing.
    """
    import polars as pl

    missing = [f.name for f in fields if f.name not in frame.columns]
    if missing:
        raise ContractViolation(f"missing column {', '.join(missing)}; the table has: {', '.join(frame.columns)}")
    columns = {}
    for field in fields:
        series = frame[field.name]
        if field.kind == "date":
            columns[field.name] = series.cast(pl.Date).to_numpy().astype("datetime64[D]")
        elif field.kind == "category":
            columns[field.name] = np.array(series.cast(pl.String).to_list(), dtype=object)
        else:
            columns[field.name] = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return columns


def number_of_rows(columns: Columns) -> int:
    """Return n, the length that all columns share.

    Raises:
        ContractViolation: the columns differ in length.
    """
    lengths = set(map(len, columns.values()))
    if len(lengths) > 1:
        found = {name: len(values) for name, values in columns.items()}
        raise ContractViolation(f"columns differ in length: {found}; send the same number of rows in each")
    return lengths.pop() if lengths else 0


def days_between(later: "np.ndarray[tuple[int], np.dtype[np.datetime64]]", earlier: object) -> FloatArray:
    """Return whole days from ``earlier`` to ``later``, NaN where either is missing."""
    delta = (later - np.asarray(earlier, dtype="datetime64[D]")).astype("timedelta64[D]", copy=False)
    return np.where(np.isnat(delta), np.nan, delta.astype(np.float64))
