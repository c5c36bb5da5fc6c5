"""Which rows the newest window is compared with: those of the training, the window before, or the year before."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from components.core.errors import unknown
from components.monitoring.values import Window


@dataclass(frozen=True)
class Reference:
    """The rows to compare with.

    Args:
        rows: none where there are too few; another reference is never taken instead.
        window: the days asked for, and the rows found in them.
        reason: why there are no rows; empty where there are.
    """

    rows: pl.DataFrame
    window: Window
    reason: str = ""


def pick_reference(
    kind: Literal["training", "rolling", "seasonal"],
    rows: pl.DataFrame,
    time: str,
    current: tuple[date, date],
    minimum_rows: int,
    training: pl.DataFrame | None = None,
) -> Reference:
    """Take the rows that a window is to be compared with.

    Args:
        kind: ``training``: the rows handed in as such; ``rolling``: the window of the same length that ended the day
            before this one begins; ``seasonal``: the same days of the year before (29 February: the 28th).
        rows: watched rows, of which ``rolling`` and ``seasonal`` take theirs. A year that was not served yet can be
            had by putting the training rows before them.
        time: column with the day of the event.
        current: first and last day of the newest window, both included.
        minimum_rows: fewer are as good as none.
        training: rows that the model was trained on, with the same column of days.

    Raises:
        FairleadError: an unknown kind.

    >>> days = pl.DataFrame({"day": [date(2004, 1, 5), date(2005, 1, 5)]})
    >>> pick_reference("seasonal", days, "day", (date(2005, 1, 1), date(2005, 1, 31)), 1).rows["day"].to_list()
    [datetime.date(2004, 1, 5)]
    """
    if kind == "training":
        return _training(training, time, current, minimum_rows)
    if kind == "rolling":
        length = current[1] - current[0] + timedelta(days=1)
        first, last = current[0] - length, current[1] - length
    elif kind == "seasonal":
        first, last = (_year_before(day) for day in current)
    else:
        raise unknown("reference", kind, ("training", "rolling", "seasonal"))
    return _enough(rows.filter(pl.col(time).is_between(first, last)), first, last, kind, minimum_rows)


def _training(training: pl.DataFrame | None, time: str, current: tuple[date, date], minimum_rows: int) -> Reference:
    if training is None or training.is_empty():
        reason = "the rows that the model was trained on are not at hand"
        return Reference(pl.DataFrame(), Window(first=current[0], last=current[0], rows=0), reason)
    first, last = training[time].min(), training[time].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    return _enough(training, first, last, "training", minimum_rows)


def _enough(found: pl.DataFrame, first: date, last: date, kind: str, minimum_rows: int) -> Reference:
    window = Window(first=first, last=last, rows=found.height)
    if found.height >= minimum_rows:
        return Reference(found, window)
    reason = f"the {kind} reference, {first} to {last}, has {found.height:,} rows, needed {minimum_rows:,}"
    return Reference(found.clear(), window, reason)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
