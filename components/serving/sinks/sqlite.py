"""Logged predictions in SQLite: one table in one file, into which several servers may write at the same time."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from components.serving.records import Record

TABLE = """
CREATE TABLE IF NOT EXISTS predictions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    row INTEGER NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    variant TEXT NOT NULL,
    inputs TEXT NOT NULL,
    probability REAL NOT NULL,
    decision INTEGER NOT NULL,
    outlier_score REAL,
    outlier INTEGER,
    lookups TEXT,
    latency_ms REAL NOT NULL,
    remedy TEXT
);
CREATE INDEX IF NOT EXISTS predictions_request_id ON predictions (request_id);
CREATE INDEX IF NOT EXISTS predictions_at ON predictions (at);
"""
"""``at`` counts microseconds since 1970 (UTC). ``position`` only ever grows, so a reader can go on where it stopped."""

ADDED = {"remedy": "TEXT"}
"""Columns that files which were begun before them are given."""

_INSERT = f"INSERT INTO predictions ({', '.join(Record._fields)}) VALUES ({', '.join('?' * len(Record._fields))})"  # noqa: S608

WAIT = 5.0
"""Seconds to wait for another writer."""


def connect(path: Path, any_thread: bool = False) -> sqlite3.Connection:
    """Open the file of a prediction log, or make it; readers and one writer do not wait for each other.

    Args:
        path: the file.
        any_thread: whoever opens it sees to it that one thread at a time uses it.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=not any_thread)
    # With a write-ahead log, NORMAL survives the end of any process, and loses the last moments to a power cut only.
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    return db


class SqliteSink:
    """Writes records to an SQLite file.

    Args:
        path: the file; it and its folder are made on the first write.
    """

    name = "sqlite"
    rows = 500
    seconds = 0.05

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._file = 0

    def write(self, records: Sequence[Record]) -> None:
        """Write records in one transaction."""
        try:
            db = self._open()
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(_INSERT, records)
        except sqlite3.Error:
            # Whatever it was, begin from the start next time.
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is not None and not self._still_there():
            self.close()
        if self._db is None:
            self._db = connect(self.path)
            self._db.executescript(TABLE)
            _complete(self._db)
            self._file = self.path.stat().st_ino
        return self._db

    def _still_there(self) -> bool:
        """Whether the path leads to the open file: one that was removed goes on taking rows that nobody will see."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False


def _complete(db: sqlite3.Connection) -> None:
    """Add the columns that a file lacks; of several servers that find it so one does."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        there = {row[1] for row in db.execute("PRAGMA table_info(predictions)")}
        for name, kind in ADDED.items():
            if name not in there:
                db.execute(f"ALTER TABLE predictions ADD COLUMN {name} {kind}")
