"""Outcomes: what really became of what was predicted, known late and sometimes corrected."""

from contextlib import closing
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import polars as pl

from components.core.errors import FairleadError
from components.serving.records import microseconds
from components.serving.sinks.sqlite import connect

SCHEMA: dict[str, pl.DataType] = {
    "request_id": pl.String(),
    "row": pl.Int64(),
    "label": pl.Int64(),
    "known_at": pl.Datetime("us", "UTC"),
    "recorded_at": pl.Datetime("us", "UTC"),
}

TABLE = """
CREATE TABLE IF NOT EXISTS outcomes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    row INTEGER NOT NULL,
    label INTEGER NOT NULL CHECK (label IN (0, 1)),
    known_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (request_id, row, known_at, label)
);
CREATE TRIGGER IF NOT EXISTS outcomes_no_update BEFORE UPDATE ON outcomes
    BEGIN SELECT RAISE(ABORT, 'outcomes are append-only: record a correction'); END;
"""
"""Times count microseconds since 1970 (UTC)."""

_LATEST = """
SELECT request_id, row, label, known_at, recorded_at FROM (
    SELECT *, row_number() OVER (PARTITION BY request_id, row ORDER BY known_at DESC, number DESC) AS place
    FROM outcomes WHERE ?1 IS NULL OR known_at <= ?1
) WHERE place = 1 ORDER BY number
"""


def record_outcomes(path: Path, frame: pl.DataFrame, now: datetime | None = None) -> int:
    """Add outcomes; those that are there already are passed over, so that a batch can be sent again.

    Args:
        path: the SQLite file of the prediction log, or one of its own.
        frame: ``request_id``, ``label`` (0 or 1), ``known_at`` (when it came to be known, with a time zone), and
            ``row``, the place within the request (0 when there is no such column).
        now: when they are recorded; None is the present.

    Returns:
        How many were new.

    Raises:
        FairleadError: a column is missing, or a value is none of those allowed; nothing is recorded then.
    """
    rows = _checked(frame)
    recorded_at = microseconds(now or datetime.now(UTC))
    with closing(connect(path)) as db:
        db.executescript(TABLE)
        with db:
            db.execute("BEGIN IMMEDIATE")
            before = db.total_changes
            db.executemany(
                "INSERT OR IGNORE INTO outcomes (request_id, row, label, known_at, recorded_at) VALUES (?, ?, ?, ?, ?)",
                ((*row, recorded_at) for row in rows),
            )
            return db.total_changes - before


def read_outcomes(path: Path, known_by: datetime | None = None) -> pl.DataFrame:
    """Read each row's outcome as it was known at a time: the latest, and of equally late ones the last recorded.

    Args:
        path: as in ``record_outcomes``; a file without outcomes gives no rows.
        known_by: nothing that came to be known after it; None takes all.
    """
    if not path.exists():
        return pl.DataFrame(schema=SCHEMA)
    with closing(connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'outcomes'").fetchone():
            return pl.DataFrame(schema=SCHEMA)
        rows = db.execute(_LATEST, (None if known_by is None else microseconds(known_by),)).fetchall()
    return _typed(rows, SCHEMA)


def read_recorded(path: Path, after: int = 0) -> pl.DataFrame:
    """Read every record of an outcome, corrections too, in the order in which they were recorded.

    Args:
        path: as in ``record_outcomes``; a file without outcomes gives no rows.
        after: only those with a higher ``number`` than this, for reading on where one stopped.

    Returns:
        The columns of ``read_outcomes`` and ``number``, which only ever grows.
    """
    if not path.exists():
        return pl.DataFrame(schema={**SCHEMA, "number": pl.Int64()})
    with closing(connect(path)) as db:
        rows = []
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'outcomes'").fetchone():
            query = f"SELECT {', '.join(SCHEMA)}, number FROM outcomes WHERE number > ? ORDER BY number"  # noqa: S608
            rows = db.execute(query, (after,)).fetchall()
    return _typed(rows, {**SCHEMA, "number": pl.Int64()})


def _typed(rows: list[tuple[object, ...]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    # Columns are made one by one: polars takes three times as long over rows.
    columns = zip(*rows, strict=True) if rows else repeat((), len(schema))
    whole = {
        name: pl.Series(name, values, pl.Int64() if kind.is_temporal() else kind)
        for (name, kind), values in zip(schema.items(), columns, strict=True)
    }
    return pl.DataFrame(list(whole.values())).with_columns(
        pl.col("known_at", "recorded_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )


def _checked(frame: pl.DataFrame) -> list[tuple[str, int, int, int]]:
    needed = ("request_id", "label", "known_at")
    if missing := [name for name in needed if name not in frame.columns]:
        raise FairleadError(f"outcomes: missing column {', '.join(missing)}; found: {', '.join(frame.columns)}")
    if "row" not in frame.columns:
        frame = frame.with_columns(row=pl.lit(0, pl.Int64()))
    kind = frame.schema["known_at"]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise FairleadError(f"outcomes: known_at is {kind}, allowed: times with a time zone")
    used = frame.select("request_id", "row", "label", "known_at")
    wrong = used.filter(pl.any_horizontal(pl.all().is_null()) | ~pl.col("label").is_in([0, 1]))
    if len(wrong):
        raise FairleadError(
            f"outcomes: {len(wrong)} of {len(used)} rows are incomplete or have another label than 0 or 1; "
            f"the first: {wrong.row(0, named=True)}"
        )
    return used.with_columns(
        pl.col("request_id").cast(pl.String()),
        pl.col("row", "label").cast(pl.Int64()),
        pl.col("known_at").dt.convert_time_zone("UTC").dt.epoch("us"),
    ).rows()
