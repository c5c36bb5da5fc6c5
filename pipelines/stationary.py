"""A world that stands still: the real calendar of events, filled with rows drawn from one period of the real table."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from components.core.errors import FairleadError
from components.core.use_case import UseCase

PREFIX = "still-"
"""Begins the ids of rows where ids are text."""


def stationary(features: Path, use_case: UseCase, first: date, last: date, seed: int) -> pl.DataFrame:
    """Draw for each event of the table a whole row from those of one period, with replacement.

    What watches a model must be silent in this world, whatever the day: every row is an independent draw from the same
    distribution, so all that still differs from day to day is chance and how many events there are. A row is drawn
    whole, so inputs, histories and outcome belong together as they do in the period, and moved to its new day: its
    dates, that of its outcome among them, lie as many days from the event as they did.

    Args:
        features: as ``build_features`` writes them.
        use_case: says how long an outcome takes to be known, and up to which day the table knows.
        first: first day of the period.
        last: its last day. With the days that a model was trained on, this is the world which that model knows.
        seed: the same one gives the same world, in whatever order the table's rows come.

    Returns:
        As many rows as the table has, with its columns and types, in order of event time; ``row_id`` is new to the
        table.

    Raises:
        FairleadError: the table has no row in the period, or outcomes of the period are not all known yet.
    """
    table = pl.read_parquet(features).sort("event_time", "row_id")
    day = pl.col("event_time").cast(pl.Date)
    donors = table.filter(day.is_between(first, last))
    _require_known(table, donors, use_case, first, last)
    chosen = np.random.default_rng(seed).integers(len(donors), size=len(table))
    drawn = donors[chosen].with_columns(_moved=table["event_time"] - donors["event_time"][chosen])
    dates = [name for name, kind in table.schema.items() if kind.is_temporal()]
    moved = drawn.with_columns((pl.col(name) + pl.col("_moved")).cast(table.schema[name]) for name in dates)
    return moved.with_columns(row_id=_new_ids(table["row_id"])).select(table.columns)


def _new_ids(known: pl.Series) -> pl.Series:
    """Return as many ids as there are known ones, of the same type and none of them known, in rising order."""
    n = len(known)
    if known.dtype.is_integer():
        top = int(known.max())  # type: ignore[arg-type]  # of integers it is one
        return pl.Series(np.arange(top + 1, top + 1 + n)).cast(known.dtype)
    ids = pl.Series([f"{PREFIX}{i:0{len(str(n))}d}" for i in range(n)])
    if ids.is_in(known.cast(pl.String).implode()).any():
        raise FairleadError(f"the table has rows with ids like {ids[0]!r}: it is a world that stands still already")
    return ids


def _require_known(table: pl.DataFrame, donors: pl.DataFrame, use_case: UseCase, first: date, last: date) -> None:
    earliest, latest = _ends(table["event_time"])
    if donors.is_empty():
        raise FairleadError(
            f"no event lies between {first} and {last}; the table's {len(table)} lie between {earliest} and "
            f"{latest}: choose a period among them"
        )
    reach = use_case.data.known_until or latest
    _, matures = _ends(donors["event_time"].dt.offset_by(f"{use_case.labels.maturity_months}mo"))
    if matures > reach:
        raise FairleadError(
            f"outcomes of events between {first} and {last} are known for sure on {matures} only, and the table knows "
            f"up to {reach}; choose a period that ends {use_case.labels.maturity_months} months before that"
        )


def _ends(times: pl.Series) -> tuple[date, date]:
    days = times.cast(pl.Date).sort()
    return days[0], days[-1]
