"""Histories of entities: prior rows and prior bad outcomes in a trailing window, as they were known day by day.

The rule of visibility. What happens on day *d* (a row's event, or its bad outcome) is known from *d + 1*, 00:00 UTC,
and counts up to and with the day *d* plus the window's calendar months (where a month has no such day, its last one).
A row of day *D* therefore sees the days *d < D* of the window and never its own event, nor anything else of day *D*.
A bad outcome that is dated before its own row's event counts from that event: no outcome is known before its row is.
An entity with nothing in its window is as one never seen: all three columns are null.

A history is a table of changes with at most one row for each entity and time, so that no join can meet a tie. A state
that does not change is repeated every ``HOLDS_DAYS``, so that a reader need never look further back than that: without
this bound a point-in-time join compares every row of an entity with that entity's whole past, and a large bank alone
fills the memory.
"""

from datetime import UTC, date, datetime, time

import polars as pl

from components.core.use_case import Entity, UseCase
from components.features.rows import history_columns

EVENT_TIMESTAMP = "event_timestamp"
"""Column with the time from which a state of an entity is known."""

HOLDS_DAYS = 61
"""Days after which an unchanged state is stated again. Fewer make the history longer, more make each join wider."""


def midnight(day: date) -> datetime:
    """Return 00:00 UTC of a day: the instant at which a row of that day asks for its entities' histories.

    >>> midnight(date(2004, 1, 1)).isoformat()
    '2004-01-01T00:00:00+00:00'
    """
    return datetime.combine(day, time(), UTC)


def as_instant(day: pl.Expr) -> pl.Expr:
    """Turn a column of days into ``midnight`` of each."""
    return day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def history(clean: pl.DataFrame, use_case: UseCase, entity: Entity) -> pl.DataFrame:
    """Build the history of one kind of entity as a table of changes.

    Args:
        clean: the typed table, n rows; rows whose entity is not stated (null) belong to no history.
        use_case: names the columns.
        entity: which column is the key, and how long the window is.

    Returns:
        One row for each day on which the state of an entity was stated, by key and time: the key under its own
        column's name, ``event_timestamp`` (UTC) from which the state holds, and ``<entity>_count`` (rows in the
        window), ``<entity>_bad`` (bad outcomes in the window), ``<entity>_last_bad`` (day of the latest of them, null
        when there is none). A state holds until the next row of the same key; the last one of each key is empty.
    """
    key, names = entity.column, history_columns(entity.name)
    count, bad, last_bad = names
    states = (
        _changes(clean.lazy(), use_case, entity)
        .group_by(key, "day")
        .agg(pl.sum(count), pl.sum(bad), pl.max(last_bad))
        .sort(key, "day")
        .with_columns(
            pl.col(count).cum_sum().over(key),
            pl.col(bad).cum_sum().over(key),
            pl.col(last_bad).forward_fill().over(key),
        )
    )
    empty = (pl.col(count) == 0) & (pl.col(bad) == 0)
    return (
        _restate(states, key, empty)
        .select(
            key,
            as_instant(pl.col("day")).alias(EVENT_TIMESTAMP),
            *(pl.when(~empty).then(pl.col(name).cast(pl.Float64)).alias(name) for name in (count, bad)),
            pl.when(pl.col(bad) > 0).then(pl.col(last_bad)).alias(last_bad),
        )
        .collect()
    )


def _changes(rows: pl.LazyFrame, use_case: UseCase, entity: Entity) -> pl.LazyFrame:
    """List what each row adds to its entity's state, and when it takes it back."""
    event, outcome_time = pl.col(use_case.data.event_time), pl.col(use_case.labels.outcome_time)
    known = rows.filter(pl.col(entity.column).is_not_null())
    seen = known.select(entity.column, happened=event)
    turned_bad = known.filter(pl.col(use_case.labels.outcome) == 1, outcome_time.is_not_null()).select(
        entity.column, happened=pl.max_horizontal(event, outcome_time)
    )
    enters = pl.col("happened").dt.offset_by("1d")
    leaves = pl.col("happened").dt.offset_by(f"{entity.window_months}mo").dt.offset_by("1d")
    return pl.concat(
        [
            _step(seen, entity, enters, count=1),
            _step(seen, entity, leaves, count=-1),
            _step(turned_bad, entity, enters, bad=1),
            _step(turned_bad, entity, leaves, bad=-1),
        ]
    )


def _step(rows: pl.LazyFrame, entity: Entity, day: pl.Expr, count: int = 0, bad: int = 0) -> pl.LazyFrame:
    count_column, bad_column, last_bad_column = history_columns(entity.name)
    last_bad = pl.col("happened") if bad > 0 else pl.lit(None, dtype=pl.Date)
    return rows.select(
        entity.column,
        day.alias("day"),
        pl.lit(count, dtype=pl.Int64).alias(count_column),
        pl.lit(bad, dtype=pl.Int64).alias(bad_column),
        last_bad.alias(last_bad_column),
    )


def _restate(states: pl.LazyFrame, key: str, empty: pl.Expr) -> pl.LazyFrame:
    """Repeat each state every ``HOLDS_DAYS`` until the next one of its key; an empty state is not repeated."""
    days = (pl.col("day").shift(-1).over(key) - pl.col("day")).dt.total_days().fill_null(1)
    times = pl.when(empty).then(1).otherwise((days - 1) // HOLDS_DAYS + 1)
    return (
        states.with_columns(nth=pl.int_ranges(0, times))
        .explode("nth")
        .with_columns(pl.col("day") + pl.duration(days=pl.col("nth") * HOLDS_DAYS))
        .drop("nth")
    )
