"""What time does: a declined case that keeps to what was agreed, its record moved on by one period after another.

Changes of one statement are no way out for whoever was late in many. The record of these moves out of what the model
looks at, which a search over single inputs cannot tell; compare Ustun, Spangher and Liu (FAT* 2019) on recourse over
features that cannot be acted on and yet change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns
from components.core.errors import FairleadError, unknown
from components.core.use_case import UseCase
from components.features.rows import number_of_rows
from components.training.bundle import Bundle


@dataclass(frozen=True)
class Moving:
    """One number that is recorded period by period.

    Args:
        columns: inputs, the newest period first.
        becomes: SQL over the inputs of the period before: what the next period reads.
    """

    columns: tuple[str, ...]
    becomes: str


@dataclass(frozen=True)
class Course:
    """How a case goes on that keeps to what was agreed.

    Args:
        moving: what is recorded.
        text: a sentence; ``{periods}`` puts in how many it takes.
    """

    moving: tuple[Moving, ...]
    text: str

    @property
    def periods(self) -> int:
        """So many periods replace the whole record."""
        return max(len(m.columns) for m in self.moving)


def course_of(use_case: UseCase) -> Course | None:
    """Read the course of a use case; None where it has none.

    Raises:
        FairleadError: a column is no number among the inputs.
    """
    told = use_case.explanations.course
    if told is None or not told.moving:
        return None
    numbers = [n for n in use_case.features.inputs if use_case.data.columns[n].kind in {"int", "float"}]
    for name in (column for moving in told.moving for column in moving.columns):
        if name not in numbers:
            raise unknown("number in explanations.course", name, numbers)
    return Course(tuple(Moving(m.columns, m.becomes) for m in told.moving), told.text)


def move_on(rows: Columns, course: Course) -> Columns:
    """Move the record of n rows on by one period.

    >>> paid = Course((Moving(("paid_sep", "paid_aug"), "2 * paid_sep"),), "")
    >>> moved = move_on({"paid_sep": np.array([3.0]), "paid_aug": np.array([9.0])}, paid)
    >>> moved["paid_sep"], moved["paid_aug"]
    (array([6.]), array([3.]))

    Raises:
        FairleadError: what a number becomes is no SQL over the numbers among the inputs.
    """
    frame = pl.DataFrame({name: values for name, values in rows.items() if values.dtype.kind == "f"})
    new = dict(rows)
    for moving in course.moving:
        try:
            latest = frame.select(pl.sql_expr(moving.becomes).cast(pl.Float64).alias("latest"))["latest"]
        except pl.exceptions.PolarsError as error:
            raise FairleadError(
                f"explanations.course: {moving.becomes!r} cannot be computed: {error} (allowed: SQL over "
                f"{', '.join(frame.columns)})"
            ) from error
        values = latest.to_numpy() if len(latest) == len(frame) else np.full(len(frame), latest[0])
        for name, older in zip(moving.columns, (values, *(rows[n] for n in moving.columns)), strict=False):
            new[name] = older
    return new


def periods_needed(bundle: Bundle, rows: Columns, course: Course) -> npt.NDArray[np.int64]:
    """Tell after how many periods each of n rows gets the good decision and keeps it, shape (n,); 0 says after none."""
    good = []
    for _ in range(course.periods):
        rows = move_on(rows, course)
        good.append(bundle.decide(bundle.probability(rows)) == 0)
    return first_for_good(good) if good else np.zeros(number_of_rows(rows), dtype=np.int64)


def first_for_good(good: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.int64]:
    """Tell from which of k periods on, counted from 1, all are good; 0 where the last is not.

    >>> first_for_good([np.array([True, False]), np.array([False, False]), np.array([True, False])])
    array([3, 0])
    """
    lasting = np.logical_and.accumulate(np.array(good)[::-1], axis=0).sum(axis=0)
    return np.where(lasting > 0, len(good) - lasting + 1, 0).astype(np.int64)
