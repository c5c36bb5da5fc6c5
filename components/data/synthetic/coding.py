"""Coding: a table as codes of public cells, and rows drawn from codes; what hangs together in a row stays together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.use_case import Column, UseCase
from components.data.columns import TYPES
from components.data.synthetic import cells as grid
from components.data.synthetic.cells import EPOCH, Cells, Codes

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Coding:
    """How each column of a use case is coded.

    Dates other than the event's are coded as days after it, so that they follow it when it is moved. The time of the
    outcome is coded for bad rows alone where it may be empty: a good row has none.

    Args:
        columns: cells by column; those that must be unique have none, they are numbered anew.
        event: the column with the event time.
        outcome: the column with the outcome.
        outcome_time: the column with its time.
        delays: columns coded as days after the event.
    """

    columns: Mapping[str, Cells]
    event: str
    outcome: str
    outcome_time: str
    delays: tuple[str, ...]

    def encode(self, table: pl.DataFrame) -> dict[str, Codes]:
        """Code n typed rows (``components.data.columns.typed``), each column shape (n,)."""
        event = _days(table[self.event])
        good = table[self.outcome].cast(pl.Float64, strict=False).fill_null(0).to_numpy() != 1
        found = {}
        for name, cells in self.columns.items():
            if name in self.delays:
                values: Values = _days(table[name]) - event
                if name == self.outcome_time and cells.nullable:
                    values = np.where(good, np.nan, values)
            elif name == self.event:
                values = event
            elif cells.values:
                values = table[name].to_numpy()
            else:
                values = table[name].cast(pl.Float64).to_numpy()
            found[name] = cells.encode(values)
        return found

    def decode(
        self, codes: Mapping[str, Codes], event: Values, use_case: UseCase, rng: np.random.Generator
    ) -> pl.DataFrame:
        """Draw n typed rows from codes; columns that must be unique are left out.

        Args:
            codes: of each column but the event's, shape (n,).
            event: days since 1970, shape (n,).
            use_case: names the kinds.
            rng: draws within cells.
        """
        columns = {self.event: _dates(event)}
        for name, column_codes in codes.items():
            drawn = self.columns[name].draw(column_codes, rng)
            kind = use_case.data.columns[name].kind
            if name in self.delays:
                columns[name] = _dates(event + drawn)
            elif kind == "category":
                columns[name] = pl.Series(name, drawn.tolist(), dtype=pl.String)
            else:
                columns[name] = pl.Series(name, drawn).fill_nan(None).cast(TYPES[kind])
        order = [name for name in use_case.data.columns if name in columns]
        return pl.DataFrame({name: columns[name] for name in order})


def coding_of(use_case: UseCase, open_values: Mapping[str, tuple[str, ...]]) -> Coding:
    """Lay the cells of every column from what the use case declares.

    Args:
        use_case: kinds, bounds, domains.
        open_values: values of the categories that declare none.
    """
    data, labels = use_case.data, use_case.labels
    columns: dict[str, Cells] = {}
    for name, column in data.columns.items():
        if column.unique or name == data.row_id:
            continue
        columns[name] = _cells(name, column, use_case, open_values)
    delays = tuple(n for n in columns if data.columns[n].kind == "date" and n != data.event_time)
    return Coding(columns, data.event_time, labels.outcome, labels.outcome_time, delays)


def open_categories(use_case: UseCase) -> list[str]:
    """List the categories whose values are not declared."""
    data = use_case.data
    return [
        name
        for name, column in data.columns.items()
        if column.kind == "category" and column.values is None and not column.unique and name != data.row_id
    ]


def _cells(name: str, column: Column, use_case: UseCase, open_values: Mapping[str, tuple[str, ...]]) -> Cells:
    if name == use_case.labels.outcome:
        return Cells(np.array([0.0, 1.0, 2.0]))
    if name == use_case.data.event_time:
        last = column.latest or use_case.data.known_until or grid.LAST_DAY
        return grid.of_event(column.earliest or grid.FIRST_DAY, last)
    if column.kind == "date":
        return grid.of_delay(column.nullable)
    if column.kind == "category":
        return grid.of_category(column, column.values or open_values[name])
    return grid.of_number(column)


def _days(dates: pl.Series) -> Values:
    """Give dates as days since 1970, NaN where missing."""
    return dates.cast(pl.Date).cast(pl.Int32).cast(pl.Float64).to_numpy()


def _dates(days: Values) -> pl.Series:
    return pl.Series(days).fill_nan(None).cast(pl.Int32).cast(pl.Date)


def first_of_month(day: date, months: int) -> date:
    """Return the first day of the month so many months after that of a day.

    >>> first_of_month(date(2003, 11, 20), 3)
    datetime.date(2004, 2, 1)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def days_since_epoch(day: date) -> int:
    """Return the days from 1970's first to a day."""
    return (day - EPOCH).days
