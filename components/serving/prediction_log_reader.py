"""Reading the prediction log back: all of it, a stretch of it, or what is new since the last look."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from components.core.errors import unknown
from components.serving.records import microseconds
from components.serving.sinks.opening import SCHEMES, local_path
from components.serving.sinks.sqlite import WAIT

SCHEMA: dict[str, pl.DataType] = {
    "at": pl.Datetime("us", "UTC"),
    "request_id": pl.String(),
    "row": pl.Int64(),
    "model": pl.String(),
    "version": pl.String(),
    "variant": pl.String(),
    "inputs": pl.String(),
    "probability": pl.Float64(),
    "decision": pl.Int64(),
    "outlier_score": pl.Float64(),
    "outlier": pl.Boolean(),
    "lookups": pl.String(),
    "latency_ms": pl.Float64(),
    "remedy": pl.String(),
}
"""The columns, always all of those asked for and always of these types; ``records.Record`` says what they mean.
``remedy`` is null in what was logged before there was such a column."""

BATCH = 50_000
"""Rows fetched at a time."""


def read(
    uri: str | Path,
    since: datetime | None = None,
    model: str | None = None,
    columns: Sequence[str] = tuple(SCHEMA),
) -> pl.DataFrame:
    """Read the log; one that nobody has written to yet gives no rows.

    Args:
        uri: ``sqlite:///…``, ``parquet:///…``, or the path of the file or directory.
        since: only rows scored then or later; with a time zone.
        model: only rows of this model.
        columns: which, in this order. Leave out ``inputs`` where they are not needed: they are most of the bytes.

    Raises:
        FairleadError: the place cannot be read back, or a column is unknown.
    """
    return Tail(uri, since, model, columns).read()


class Tail:
    """Reads on where it stopped: each row once, however many servers write.

    Args:
        uri: as in ``read``.
        since: as in ``read``.
        model: as in ``read``.
        columns: as in ``read``.

    Raises:
        FairleadError: the place cannot be read back, or a column is unknown.
    """

    def __init__(
        self,
        uri: str | Path,
        since: datetime | None = None,
        model: str | None = None,
        columns: Sequence[str] = tuple(SCHEMA),
    ) -> None:
        for name in columns:
            if name not in SCHEMA:
                raise unknown("column of the prediction log", name, SCHEMA)
        scheme, self._path = _place(uri)
        self._since = since
        self._since_microseconds = None if since is None else microseconds(since)
        self._model = model
        self._columns = tuple(columns)
        self._position = 0
        self._seen: set[Path] = set()
        self._new = self._new_rows if scheme == "sqlite" else self._new_files

    def read(self) -> pl.DataFrame:
        """Return the rows that were not there at the last call, in the order in which they were written."""
        frames = self._new()
        return pl.concat(frames) if frames else pl.DataFrame(schema={name: SCHEMA[name] for name in self._columns})

    def _new_rows(self) -> list[pl.DataFrame]:
        if not self._path.exists():
            return []
        frames = []
        with closing(sqlite3.connect(self._path, timeout=WAIT)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'predictions'").fetchone():
                return []
            there = {row[1] for row in db.execute("PRAGMA table_info(predictions)")}
            wanted = ", ".join(name if name in there else f"NULL AS {name}" for name in self._columns)
            query = (
                f"SELECT position, {wanted} FROM predictions "  # noqa: S608  names out of SCHEMA
                "WHERE position > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR model = ?3) ORDER BY position"
            )
            cursor = db.execute(query, (self._position, self._since_microseconds, self._model))
            while rows := cursor.fetchmany(BATCH):
                positions, *values = zip(*rows, strict=True)
                frames.append(_typed(dict(zip(self._columns, values, strict=True))))
                self._position = positions[-1]
        return frames

    def _new_files(self) -> list[pl.DataFrame]:
        frames = []
        for path in sorted(self._path.glob("date=*/*/*.parquet")):
            date = path.parts[-3].removeprefix("date=")
            if path in self._seen or (self._since is not None and date < f"{self._since.astimezone(UTC):%Y-%m-%d}"):
                continue
            frame = pl.scan_parquet(path, hive_partitioning=False)
            if self._since is not None:
                frame = frame.filter(pl.col("at") >= self._since)
            if self._model is not None:
                frame = frame.filter(pl.col("model") == self._model)
            there = frame.collect_schema()
            columns = [pl.col(n) if n in there else pl.lit(None).alias(n) for n in self._columns]
            frames.append(
                frame.select(c.cast(SCHEMA[n]) for n, c in zip(self._columns, columns, strict=True)).collect()
            )
            self._seen.add(path)
        return frames


def _place(uri: str | Path) -> tuple[str, Path]:
    if isinstance(uri, str) and "://" in uri:
        parts = urlsplit(uri)
        if parts.scheme not in ("sqlite", "parquet"):
            raise unknown(
                "log to read back", uri, (SCHEMES["sqlite"], SCHEMES["parquet"]), "Read others where they are."
            )
        return parts.scheme, local_path(parts)
    path = Path(uri)
    return ("parquet" if path.is_dir() else "sqlite"), path


def _typed(columns: dict[str, Sequence[object]]) -> pl.DataFrame:
    series = []
    for name, values in columns.items():
        if name == "at":
            series.append(pl.Series(name, values, pl.Int64()).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        elif name == "outlier":
            series.append(pl.Series(name, values, pl.Int64()).cast(pl.Boolean()))
        else:
            series.append(pl.Series(name, values, SCHEMA[name]))
    return pl.DataFrame(series)
