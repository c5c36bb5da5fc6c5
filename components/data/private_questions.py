"""What may be asked of a table whose answers get noise, and what is asked of a use case's table by itself."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.core.errors import FairleadError, unknown
from components.core.use_case import Column, UseCase

LEVELS = (0.25, 0.5, 0.75)
"""Quantiles that are asked of a number."""

MOST_WHOLE = 250
"""Bounds of whole numbers so close together make every one a candidate for a quantile, and are used for the mean."""


POWERS = 7
"""How far down from the larger bound there are candidates."""


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: Annotated[float, Field(gt=0)] = 1.0
    """Share of the budget, beside the other questions'."""


class Rows(_Question):
    """How many rows are there?"""

    kind: Literal["rows"] = "rows"


class Categories(_Question):
    """How many rows have each value of a column? Rows with another value, or none, are counted in one more."""

    kind: Literal["categories"] = "categories"
    column: str
    values: tuple[str, ...]


class Histogram(_Question):
    """How many rows lie in each band of a number? A band reaches from one edge up to the next, which it leaves out."""

    kind: Literal["histogram"] = "histogram"
    column: str
    edges: Annotated[tuple[float, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _edges_rise(self) -> "Histogram":
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges {list(self.edges)} of {self.column!r} do not rise")
        return self


class Mean(_Question):
    """What is the mean of a number? Values beyond the bounds count as the bound."""

    kind: Literal["mean"] = "mean"
    column: str
    low: float
    high: float

    @model_validator(mode="after")
    def _bounds_are_apart(self) -> "Mean":
        if self.low >= self.high:
            raise ValueError(f"bounds of {self.column!r}: low {self.low:g} is not below high {self.high:g}")
        return self


class Quantile(_Question):
    """Which of some candidates comes near a quantile of a number?"""

    kind: Literal["quantile"] = "quantile"
    column: str
    level: Annotated[float, Field(gt=0, lt=1)]
    candidates: Annotated[tuple[float, ...], Field(min_length=2)]


class Rate(_Question):
    """How large is the share of rows with an outcome of 1 among those of each value of a column?"""

    kind: Literal["rate"] = "rate"
    outcome: str
    column: str
    values: tuple[str, ...]


Question = Annotated[Rows | Categories | Histogram | Mean | Quantile | Rate, Field(discriminator="kind")]


def questions_of(use_case: UseCase, bounds: Mapping[str, tuple[float, float]]) -> tuple[Question, ...]:
    """List what is asked of a use case's table: nothing that has to be known to ask is taken from its rows.

    The rows; categories with a closed domain; the rate of bad outcomes by each category that metrics or fairness are
    told by; quartiles of numbers with bounds; means of those whose bounds are given here, or are of whole numbers that
    lie close together. Columns that name a row and those that the use case says nothing of are left out.

    Args:
        use_case: its ``data.columns`` say what may stand in the table.
        bounds: column → lowest and highest value to count with, in place of the use case's own; they must be known
            from elsewhere, for example from a product's terms.

    Raises:
        FairleadError: bounds for a column that is none, or no number.
    """
    columns = use_case.data.columns
    for name in bounds:
        if name not in columns or columns[name].kind not in ("int", "float"):
            numbers = [n for n, c in columns.items() if c.kind in ("int", "float")]
            raise unknown("number to bound", name, numbers)
    asked: list[Question] = [Rows()]
    told_by = {*use_case.training.segments, *(a.column for a in use_case.judgement.fairness.attributes)}
    for name, column in columns.items():
        if name in (use_case.data.row_id, use_case.labels.outcome):
            continue
        if column.values:
            asked.append(Categories(column=name, values=column.values))
            if name in told_by:
                asked.append(Rate(outcome=use_case.labels.outcome, column=name, values=column.values))
        elif column.kind in ("int", "float"):
            asked += _of_number(name, column, bounds.get(name))
    return tuple(asked)


def _of_number(name: str, column: Column, given: tuple[float, float] | None) -> list[Question]:
    low, high = given or (column.minimum, column.maximum)
    if low is None or high is None:
        return []
    whole = column.kind == "int"
    ladder = candidates(low, high, whole)
    asked: list[Question] = [Quantile(column=name, level=level, candidates=ladder) for level in LEVELS]
    close = whole and high - low < MOST_WHOLE
    return [Mean(column=name, low=low, high=high), *asked] if given or close else asked


def candidates(low: float, high: float, whole: bool) -> tuple[float, ...]:
    """Numbers that may be answered for a quantile between two bounds, which are among them.

    >>> candidates(0, 3, whole=True), len(candidates(0, 9999, whole=True))
    ((0.0, 1.0, 2.0, 3.0), 281)
    >>> candidates(0, 1e6, whole=False)[:4], len(candidates(0, 1e6, whole=False))
    ((0.0, 0.1, 0.11, 0.12), 632)

    Args:
        low: the lowest.
        high: the highest, above ``low``.
        whole: whole numbers alone: every one where they lie close together.

    Returns:
        Otherwise 0 and numbers with two digits, seven powers of ten down from the larger bound.

    Raises:
        FairleadError: the bounds are not apart.
    """
    if low >= high:
        raise FairleadError(f"bounds {low:g} and {high:g} hold no number between them; give the lower one first")
    if whole and high - low < MOST_WHOLE:
        return tuple(float(v) for v in np.arange(np.ceil(low), np.floor(high) + 1))
    top = math.floor(math.log10(max(abs(low), abs(high))))
    sizes = [float(f"{digits}e{power - 1}") for power in range(top - POWERS, top + 1) for digits in range(10, 100)]
    inside = {v for v in (0.0, *sizes, *(-v for v in sizes)) if low < v < high and (not whole or v.is_integer())}
    return tuple(sorted({*inside, float(low), float(high)}))


def parse_bounds(texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Read bounds as typed on a command line.

    >>> parse_bounds(("limit=0:1e6",))
    {'limit': (0.0, 1000000.0)}

    Raises:
        FairleadError: a text is not COLUMN=LOW:HIGH, or its low end is not below its high end.
    """
    found = {}
    for text in texts:
        name, _, ends = text.partition("=")
        try:
            low, high = (float(end) for end in ends.split(":"))
        except ValueError as error:
            raise FairleadError(f"bounds {text!r} are not COLUMN=LOW:HIGH, for example limit=0:1000000") from error
        if not low < high or not np.isfinite([low, high]).all():
            raise FairleadError(
                f"bounds {text!r}: {low:g} is not below {high:g}, or not finite; give the lower one first"
            )
        found[name] = (low, high)
    return found
