"""Request rows as whole numbers, and back: explainers want matrices, requests hold text, dates and gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field

Levels = npt.NDArray[Any]


@dataclass(frozen=True)
class Codes:
    """Each value of a column by its place among the column's values in order; 0 is missing.

    >>> fields = [Field(name="amount", kind="float"), Field(name="bank", kind="category", nullable=True)]
    >>> rows = {"amount": np.array([7.5, 2.0]), "bank": np.array([None, "A"], dtype=object)}
    >>> codes = learn(fields, [rows])
    >>> codes.encode(rows)
    array([[2., 0.],
           [1., 1.]])
    >>> codes.decode(np.array([[2.0, 0.0]]))
    {'amount': array([7.5]), 'bank': array([None], dtype=object)}

    Args:
        fields: the columns, in the matrix's order.
        levels: for each field its values, ascending, with a gap in the kind's own form in front.
    """

    fields: tuple[Field, ...]
    levels: tuple[Levels, ...]

    def encode(self, rows: Columns) -> npt.NDArray[np.float64]:
        """Turn n rows into a matrix (n, fields); every value must be one that was learnt."""
        columns = []
        for field, levels in zip(self.fields, self.levels, strict=True):
            values, present = rows[field.name], given(rows[field.name])
            codes = np.zeros(len(values))
            codes[present] = np.searchsorted(levels[1:], values[present]) + 1
            columns.append(codes)
        return np.stack(columns, axis=1)

    def decode(self, matrix: npt.NDArray[np.floating[Any]]) -> Columns:
        """Turn a matrix (n, fields) back into n rows; codes between two values are rounded."""
        places = np.rint(matrix).astype(np.int64)
        return {f.name: v[places[:, i]] for i, (f, v) in enumerate(zip(self.fields, self.levels, strict=True))}


def learn(fields: Sequence[Field], tables: Sequence[Columns]) -> Codes:
    """Collect the values of each column from several tables."""
    levels = []
    for field in fields:
        values = np.concatenate([table[field.name] for table in tables])
        gap = np.array([None if field.kind == "category" else "NaT" if field.kind == "date" else np.nan], values.dtype)
        levels.append(np.concatenate([gap, np.unique(values[given(values)])]))
    return Codes(tuple(fields), tuple(levels))


def given(values: Levels) -> npt.NDArray[np.bool_]:
    """Tell which values of a column are there."""
    if values.dtype == object:
        return np.array([v is not None for v in values], dtype=bool)
    missing: npt.NDArray[np.bool_] = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    return ~missing
