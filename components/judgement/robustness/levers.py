"""Levers: the inputs that an attacker could really move, how far, and in which direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.core.explaining import Actionable
from components.features.rows import number_of_rows

LOW, HIGH = 5, 95
"""Percentiles of the training rows; budgets are shares of the distance between them."""

ORDINARY = 1, 99
"""Percentiles of the training rows that no lever goes beyond: nobody asks for a loan of one dollar."""


@dataclass(frozen=True)
class Lever:
    """One number (or date, counted in days) that may be moved.

    Args:
        column: the input.
        direction: 1 may only grow, -1 may only shrink, 0 either.
        distance: between the 5th and the 95th percentile in training, in the input's unit; above 0.
        minimum: smallest value that it is moved to: one that the contract allows and that is not out of the ordinary.
        maximum: largest.
        whole: whether only whole numbers are real: counts, days, amounts that training holds in whole units alone.
    """

    column: str
    direction: int
    distance: float
    minimum: float
    maximum: float
    whole: bool

    @property
    def least(self) -> float:
        """Where the lever's coordinate begins: 0, or -1 where it may be moved either way; it ends at 1."""
        return -1.0 if self.direction == 0 else 0.0


def distance(values: npt.NDArray[Any]) -> float:
    """Return how far apart the 5th and the 95th percentile lie; 0 where there is no value or no spread.

    >>> distance(np.array([0.0, 50.0, 100.0, np.nan]))
    90.0
    """
    known = as_numbers(values)
    known = known[~np.isnan(known)]
    if not len(known):
        return 0.0
    low, high = np.percentile(known, [LOW, HIGH])
    return float(high - low)


def learn_levers(
    actionable: Sequence[Actionable], fields: Sequence[Field], train: Columns
) -> tuple[tuple[Lever, ...], dict[str, str]]:
    """Find the levers among the inputs that can be acted on.

    Args:
        actionable: from the use case.
        fields: the contract's inputs.
        train: the rows that the model learned from.

    Returns:
        The levers, and for each input that is none the reason.
    """
    kinds = {f.name: f for f in fields}
    levers, left_out = [], {}
    for one in actionable:
        field = kinds[one.column]
        if field.kind == "category":
            left_out[one.column] = "a category has no small moves"
            continue
        known = as_numbers(train[one.column])
        known = known[~np.isnan(known)]
        spread = distance(known)
        if not spread > 0:
            left_out[one.column] = "its 5th and its 95th percentile in training are the same"
            continue
        ends = np.clip(np.percentile(known, ORDINARY, method="nearest"), *domain(field))
        levers.append(
            Lever(
                column=one.column,
                direction={"increase": 1, "decrease": -1, "any": 0}[one.direction],
                distance=spread,
                minimum=float(ends[0]),
                maximum=float(ends[1]),
                whole=is_whole(field, known),
            )
        )
    return tuple(levers), left_out


def domain(field: Field) -> tuple[float, float]:
    """Return the smallest and the largest value that the contract allows; dates as days since 1970.

    >>> domain(Field(name="age", kind="int", minimum=18))
    (18.0, inf)
    """
    if field.kind == "date":
        return (-np.inf if field.earliest is None else float((field.earliest - date(1970, 1, 1)).days)), np.inf
    low, high = field.minimum, field.maximum
    return (-np.inf if low is None else float(low)), (np.inf if high is None else float(high))


def is_whole(field: Field, known: FloatArray) -> bool:
    """Tell whether only whole numbers are real: by kind, or because all known values are whole."""
    return field.kind != "float" or (len(known) > 0 and bool((known == np.rint(known)).all()))


def move(rows: Columns, levers: Sequence[Lever], points: npt.NDArray[Any], reach: float) -> Columns:
    """Pull levers, and give back rows that the contract allows and a person could really bring about.

    A value goes ``coordinate · reach · distance`` away from where it was, then as little back as makes it whole and
    keeps it between the lever's ends; so it never goes further than asked. What is missing stays missing.

    >>> lever = Lever("paid", 1, 1000.0, 0.0, np.inf, True)
    >>> rows = {"paid": np.array([200.0]), "age": np.array([30.0])}
    >>> move(rows, [lever], np.array([[0.0], [0.0516], [1.0]]), 0.1)["paid"]
    array([200., 205., 300.])

    Args:
        rows: one row, or as many as there are points.
        levers: d of them.
        points: shape (m, d), one coordinate for each lever, cut to ``least`` … 1.
        reach: what coordinate 1 stands for, as a share of each lever's distance.

    Returns:
        m rows.
    """
    m, n = len(points), number_of_rows(rows)
    moved = {name: np.repeat(values, m) if n == 1 else values for name, values in rows.items()}
    for i, lever in enumerate(levers):
        column = moved[lever.column]
        new = _moved(as_numbers(column), lever, np.asarray(points[:, i], dtype=np.float64), reach)
        moved[lever.column] = _as_before(new, column)
    return moved


def shares(before: Columns, after: Columns, levers: Sequence[Lever]) -> FloatArray:
    """Say how far each row was moved, as the largest share of a lever's distance, shape (n,)."""
    moves = [
        np.nan_to_num(np.abs(as_numbers(after[lv.column]) - as_numbers(before[lv.column]))) / lv.distance
        for lv in levers
    ]
    largest: FloatArray = np.max(np.stack(moves), axis=0)
    return largest


def as_numbers(values: npt.NDArray[Any]) -> FloatArray:
    """Turn numbers, or dates as days since 1970, into float64; NaN where missing."""
    if values.dtype.kind == "M":
        days = values.astype("datetime64[D]")
        return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(np.float64))
    return values.astype(np.float64)


def _moved(old: FloatArray, lever: Lever, coordinates: FloatArray, reach: float) -> FloatArray:
    # An attack that runs into a division by zero asks for no place at all: that is where the row was.
    along = np.clip(np.nan_to_num(coordinates), lever.least, 1.0) * (lever.direction or 1)
    step = along * reach * lever.distance
    new = old + (np.trunc(step) if lever.whole else step)
    # A value that is out of the ordinary already is not pulled back: that would be a move of its own.
    return np.clip(new, np.fmin(lever.minimum, old), np.fmax(lever.maximum, old))


def _as_before(new: FloatArray, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if like.dtype.kind != "M":
        return new
    days: npt.NDArray[Any] = np.where(np.isnan(new), 0, new).astype(np.int64).astype("datetime64[D]")
    days[np.isnan(new)] = np.datetime64("NaT")
    return days
