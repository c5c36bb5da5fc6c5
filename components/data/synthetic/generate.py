"""Generating: whole raw tables from a generator, every row keeping the use case's rules, like one time or another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.data.columns import schema
from components.data.expectations import check
from components.data.synthetic.cells import Codes
from components.data.synthetic.coding import days_since_epoch, first_of_month
from components.data.synthetic.generator import Generator

TRIES = 4
"""How often values are drawn anew within their cells where a rule is broken, before the whole row is."""

ROUNDS, IN_VAIN = 500, 10
"""Whole rows are drawn anew so often at most, and so often without a single one that keeps the rules."""


@dataclass(frozen=True)
class Stretch:
    """Some months of a staged course of time."""

    like: str
    """Name of the period whose rows they are like."""
    months: int


def stretches(text: str) -> tuple[Stretch, ...]:
    """Read a course of time: ``2003:12,2008:12`` is a year like 2003 and then one like 2008.

    Raises:
        FairleadError: a part is not written so.

    >>> stretches("2003:12, 2008Q4:3")
    (Stretch(like='2003', months=12), Stretch(like='2008Q4', months=3))
    """
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"(\d{4}(?:Q[1-4])?(?:-\d{4}(?:Q[1-4])?)?):([1-9]\d{0,3})", part)
        if match is None:
            raise FairleadError(f"{part!r} is no stretch of time; write PERIOD:MONTHS, for example 2003:12,2008:12")
        found.append(Stretch(match[1], int(match[2])))
    return tuple(found)


def generate(
    generator: Generator,
    use_case: UseCase,
    rows: int,
    seed: int,
    months: Sequence[Stretch] = (),
    start: date | None = None,
) -> pl.DataFrame:
    """Draw a raw table of n rows with the use case's columns, in order of event time.

    Every row keeps what the use case expects of it: kinds, bounds, domains, rules, unique ids, no date after the day on
    which the table was drawn. Where a row does not, its values are drawn anew within their cells, then the row: what
    comes out is the generator's distribution given that the rules hold.

    Args:
        generator: what was learned.
        use_case: what the table must look like.
        rows: how many.
        seed: of the draws; they cost no privacy, so a seed does no harm.
        months: a course of time to stage: rows are spread evenly over the months, those of a stretch like its period.
            Without it rows lie in time as the real ones do.
        start: the month in which the staged course begins; by default the first month of the first period.

    Raises:
        FairleadError: there is no such period, or rows that keep the rules do not come about; names the rules.
    """
    if rows < 1:
        raise FairleadError(f"rows is {rows}; ask for 1 or more")
    rng = np.random.default_rng(seed)
    periods, event = _when(generator, rows, months, start, rng)
    kept: list[pl.DataFrame] = []
    rounds, in_vain = 0, 0
    while len(periods):
        table, good, broken = _draw(generator, use_case, periods, event, rng)
        kept.append(table.filter(good))
        rounds, in_vain = rounds + 1, 0 if good.any() else in_vain + 1
        left = ~good.to_numpy()
        periods, event = periods[left], event[left]
        if len(periods) and (rounds == ROUNDS or in_vain == IN_VAIN):
            raise _stuck(len(periods), rows, rounds, broken)
    done = pl.concat(kept)
    # A random place among rows of one day: the order in which rows came about tells how easily they kept the rules.
    order = np.lexsort((rng.random(rows), done[use_case.data.event_time].cast(pl.Int32).to_numpy()))
    return numbered(done[order], use_case)


def _stuck(left: int, rows: int, rounds: int, broken: Mapping[str, int]) -> FairleadError:
    told = ", ".join(f"{rule} ({count})" for rule, count in sorted(broken.items(), key=lambda item: -item[1]))
    return FairleadError(
        f"{left} of {rows} rows still break a rule after {rounds} rounds: {told}. Where time is staged, choose a start "
        "that leaves outcomes time to show before data.known_until; else relax the rule"
    )


def numbered(table: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Add the columns that must be unique, numbered in order of the rows, and put all in the use case's order.

    Raises:
        FairleadError: a column cannot have so many values.
    """
    added = []
    for name, column in use_case.data.columns.items():
        if name in table.columns:
            continue
        first = max(1, int(column.minimum or 1))
        last = first + table.height - 1
        closed = column.values is not None or column.kind == "date"
        if closed or (column.maximum is not None and last > column.maximum):
            raise FairleadError(
                f"column {name!r} must be unique and cannot have {table.height} values of its own; its kind is "
                f"{column.kind}, its maximum {column.maximum}, its values {column.values}"
            )
        numbers = pl.int_range(first, last + 1, eager=True)
        as_text = pl.Series([f"S{number:09d}" for number in numbers]) if column.kind == "category" else numbers
        added.append(as_text.alias(name))
    wanted = schema(use_case.data)
    return table.with_columns(added).select(pl.col(name).cast(kind) for name, kind in wanted.items())


def _when(
    generator: Generator, rows: int, months: Sequence[Stretch], start: date | None, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Give each row its period and, where time is staged, its day; -1 leaves the day to the period."""
    if not months:
        return generator.draw_periods(rows, rng), np.full(rows, -1)
    of_month = np.repeat([generator.period(s.like) for s in months], [s.months for s in months])
    begin = start or _first_day(months[0].like)
    month = np.arange(rows) * len(of_month) // rows
    firsts = np.array([days_since_epoch(first_of_month(begin, m)) for m in range(len(of_month) + 1)])
    days = firsts[month] + (rng.random(rows) * (firsts[month + 1] - firsts[month])).astype(np.int64)
    return of_month[month], days


def _first_day(period: str) -> date:
    """Return the first day of a period by its name.

    >>> _first_day("2003Q2")
    datetime.date(2003, 4, 1)
    """
    first = period.partition("-")[0]
    year, _, quarter = first.partition("Q")
    return date(int(year), 3 * int(quarter or 1) - 2, 1)


def _draw(
    generator: Generator, use_case: UseCase, periods: Codes, event: Codes, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.Series, dict[str, int]]:
    """Draw a row for each period; tell which keep every rule, and how often each rule is broken by the others."""
    codes = generator.draw(periods, rng)
    cells = codes.pop(generator.coding.event)
    own = generator.coding.columns[generator.coding.event].draw(cells, rng)
    days = np.where(event >= 0, event, own)
    table = generator.coding.decode(codes, days, use_case, rng)
    good, broken = _kept(table, use_case)
    for _ in range(TRIES):
        bad = (~good).arg_true().to_numpy()
        if not len(bad):
            break
        again = generator.coding.decode({n: c[bad] for n, c in codes.items()}, days[bad], use_case, rng)
        fine, _ = _kept(again, use_case)
        mended = bad[fine.to_numpy()]
        place = np.arange(table.height)
        place[mended] = table.height + np.flatnonzero(fine.to_numpy())
        table = pl.concat([table, again])[place]
        good = good.clone().scatter(mended, True)
    return table, good, broken


def _kept(table: pl.DataFrame, use_case: UseCase) -> tuple[pl.Series, dict[str, int]]:
    """Tell for n rows which keep every expectation."""
    checked = check(numbered(table, use_case), use_case.data)
    kept = np.zeros(table.height, dtype=bool)
    kept[checked.rows.to_numpy()] = True
    counts = checked.breaches["rule"].value_counts()
    return pl.Series(kept), dict(counts.iter_rows())
