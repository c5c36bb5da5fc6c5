"""What the feature store's on-demand view runs: the one transform, on columns in the store's own form."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field
from components.features.catalogue import catalogue
from components.features.transform import Transform

Lists = Mapping[str, Sequence[Any]]
"""Rows by column as Feast hands them over: lists of plain values, None for missing."""


def to_columns(lists: Lists, fields: Sequence[Field]) -> Columns:
    """Turn the store's lists into arrays; a field that is not there is missing in every row.

    >>> fields = [Field(name="day", kind="date"), Field(name="n", kind="float", nullable=True)]
    >>> to_columns({"day": ["2004-01-31", None]}, fields)
    {'day': array(['2004-01-31',        'NaT'], dtype='datetime64[D]'), 'n': array([nan, nan])}
    """
    rows = max((len(values) for values in lists.values()), default=0)
    return {f.name: _ARRAY[f.kind](lists.get(f.name, [None] * rows)) for f in fields}


def to_lists(columns: Columns, fields: Sequence[Field]) -> dict[str, list[Any]]:
    """Turn arrays into the store's lists: int, float, str or UTC midnight, None for missing."""
    return {f.name: [_plain(value, f.kind) for value in columns[f.name].tolist()] for f in fields}


def matrix(use_case: str, transform: str, lists: Lists, fields: Sequence[Field]) -> dict[str, list[float]]:
    """Apply a fitted transform.

    Args:
        use_case: whose catalogue the functions come from.
        transform: the transform's JSON.
        lists: n rows.
        fields: the columns that the transform reads, in which kind.

    Returns:
        For each feature n numbers, each of them a float32; NaN says missing.
    """
    fitted = Transform.from_json(transform, catalogue(use_case))
    values = fitted.apply(to_columns(lists, fields))
    return {name: values[:, i].tolist() for i, name in enumerate(fitted.names)}


def _day(value: object) -> str:
    if value is None:
        return "NaT"
    return value.date().isoformat() if isinstance(value, datetime) else str(value)[:10]


def _numbers(values: Sequence[Any]) -> npt.NDArray[Any]:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


_ARRAY: Mapping[str, Callable[[Sequence[Any]], npt.NDArray[Any]]] = {
    "int": _numbers,
    "float": _numbers,
    "category": lambda values: np.array(list(values), dtype=object),
    "date": lambda values: np.array([_day(v) for v in values], dtype="datetime64[D]"),
}


def _plain(value: Any, kind: str) -> Any:
    if value is None or value != value:  # NaN differs from itself
        return None
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if kind == "int" else value
