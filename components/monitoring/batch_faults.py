"""Whole-batch oddities: a batch far from its usual size, rows that are there twice, a column that stands still."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Field
from components.training.shares import wilson

FarFrom = Literal["row_count", "duplicates", "constant"]

FEWEST_BATCHES = 5
"""Fewer earlier batches say nothing of a usual size."""
FAR = 3.5
"""From which modified z-score on a size is far from the usual (Iglewicz and Hoaglin, see ``row_count``)."""
DUPLICATES = 0.01
"""Share of rows that may be there twice; the low end of its interval has to be above."""
CHANCE = 1e-3
"""A column stands still by chance with at most this probability, or it is called constant."""


class BatchFault(BaseModel):
    """One oddity of a whole batch; no row by itself has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FarFrom
    column: str | None
    found: str
    allowed: str


def batch_faults(
    batch: pl.DataFrame, fields: Sequence[Field], reference: Mapping[str, Any], usual_rows: Sequence[int] = ()
) -> tuple[BatchFault, ...]:
    """Look at a batch as a whole.

    Args:
        batch: n rows.
        fields: those of its columns that are inputs of the model.
        reference: content of the bundle's ``reference.json``.
        usual_rows: sizes of earlier batches; fewer than ``FEWEST_BATCHES`` say nothing of the size.
    """
    found = [row_count(batch.height, usual_rows), duplicates(batch.select(f.name for f in fields))]
    if batch.height:
        found += [constant(batch[f.name], f, reference) for f in fields]
    return tuple(fault for fault in found if fault is not None)


def row_count(rows: int, usual: Sequence[int]) -> BatchFault | None:
    """Hold a batch's size to those of earlier ones, on the logarithmic scale.

    The modified z-score is 0.6745 (x - median) / MAD (B. Iglewicz and D. Hoaglin, "How to detect and handle outliers",
    1993); the MAD is not taken as smaller than what counting alone would make it.

    >>> row_count(10, [100, 95, 103, 110, 99]).allowed
    '71 to 141 rows, by 5 earlier batches'
    >>> row_count(104, [100, 95, 103, 110, 99]) is None
    True
    """
    if rows == 0:
        return BatchFault(kind="row_count", column=None, found="0 rows", allowed="at least one")
    if len(usual) < FEWEST_BATCHES:
        return None
    logs = np.log(np.maximum(np.array(usual, dtype=np.float64), 1.0))
    middle = float(np.median(logs))
    # The square root of a Poisson count's variance, over the count; 0.6745 of a normal's deviation is its MAD.
    counting = 0.6745 / math.sqrt(math.exp(middle))
    spread = max(float(np.median(np.abs(logs - middle))), counting)
    reach = FAR * spread / 0.6745
    if abs(math.log(rows) - middle) <= reach:
        return None
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    allowed = f"{math.ceil(low)} to {math.floor(high)} rows, by {len(usual)} earlier batches"
    return BatchFault(kind="row_count", column=None, found=f"{rows} rows", allowed=allowed)


def duplicates(rows: pl.DataFrame) -> BatchFault | None:
    """Look for rows that are equal to an earlier one in every input.

    >>> duplicates(pl.DataFrame({"a": [1, 2, 2, 2], "b": ["x", "y", "y", "y"]})).found
    '2 of 4 rows are there already'
    """
    if rows.height == 0 or rows.width == 0:
        return None
    again = rows.height - rows.n_unique()
    low, _ = wilson(again, rows.height)
    if low <= DUPLICATES:
        return None
    found = f"{again} of {rows.height} rows are there already"
    return BatchFault(kind="duplicates", column=None, found=found, allowed=f"up to {DUPLICATES:.0%} of them")


def constant(values: pl.Series, field: Field, reference: Mapping[str, Any]) -> BatchFault | None:
    """Look for a column that has one value throughout, and had others in training.

    A column that was nearly always the same may well be so in a short batch: it is called constant only where so many
    rows of training would all have had the value with a probability of at most ``CHANCE``.

    Args:
        values: the column, at least one row.
        field: the input.
        reference: content of ``reference.json``.
    """
    if values.n_unique() > 1:
        return None
    value = values[0]
    if value is None or value != value:
        value, shown = None, "null"
    else:
        shown = str(value)
    share = _share(value, field, reference["inputs"][field.name], int(reference["rows"]))
    if share >= 1 or len(values) * math.log(max(share, 1e-12)) > math.log(CHANCE):
        return None
    found = f"{shown} in all {len(values)} rows"
    return BatchFault(
        kind="constant", column=field.name, found=found, allowed=f"as in training, where about {share:.1%} had it"
    )


def _share(value: Any, field: Field, had: Mapping[str, Any], rows: int) -> float:
    """Return the share of training rows with a value; of numbers and days it is told by the quantiles that have it."""
    missing: float = had["missing"] / rows
    if value is None:
        return missing
    if field.kind == "category":
        # One that is not among those kept was at most as frequent as the rarest of them.
        counts: Mapping[str, int] = had["counts"]
        rarest = min(counts.values(), default=0) if had["other"] else 0
        return counts.get(str(value), rarest) / rows
    quantiles = had["quantiles"]
    text = value.isoformat() if isinstance(value, date) else value
    equal = sum(q == text for q in quantiles)
    return (1 - missing) * min(1.0, (equal + 1) / len(quantiles)) if quantiles else 0.0
