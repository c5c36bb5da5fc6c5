"""The quarantine of a server: rows that a rule kept from the model, with the reason, until somebody has decided.

One SQLite file, beside the prediction log and never in it: here the inputs stand unmasked, for they are to be sent
again, and so nobody but the owner may read the file. Nothing is ever changed in it: what becomes of an entry is added.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import orjson
import polars as pl

from components.core.errors import FairleadError, unknown
from components.serving.records import microseconds
from components.serving.sinks.sqlite import connect

Event = Literal["claimed", "answered", "withheld", "failed"]
"""What a replay does to an entry. ``claimed``: it is about to be sent; where nothing follows, nobody knows whether it
was. ``answered``: it was scored. ``withheld``: a rule kept it back again, and it waits as another entry. ``failed``: it
was certainly not scored, and may be tried again."""

QUARANTINE = "quarantine.db"
"""What the file is called where nobody says otherwise."""

WAITING = ("waiting", "failed")
"""States in which an entry waits to be replayed."""

DONE = ("answered", "withheld")
"""States in which nothing is left to be done with an entry; one that is ``claimed`` is in neither."""

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "request_id": pl.String(),
    "row": pl.Int64(),
    "model": pl.String(),
    "version": pl.String(),
    "variant": pl.String(),
    "inputs": pl.String(),
    "remedy": pl.String(),
    "rule": pl.String(),
    "reason": pl.String(),
    "state": pl.String(),
    "detail": pl.String(),
}
"""Columns of ``read``: those of ``Entry``, then the last event of its replays and what was told of it."""

TABLE = """
CREATE TABLE IF NOT EXISTS quarantine (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    row INTEGER NOT NULL,
    model TEXT NOT NULL,
    version TEXT NOT NULL,
    variant TEXT NOT NULL,
    inputs TEXT NOT NULL,
    remedy TEXT NOT NULL CHECK (remedy IN ('reject', 'quarantine')),
    rule TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS replays (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL REFERENCES quarantine (id),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('claimed', 'answered', 'withheld', 'failed')),
    detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS replays_entry ON replays (entry);
CREATE TRIGGER IF NOT EXISTS quarantine_no_update BEFORE UPDATE ON quarantine
    BEGIN SELECT RAISE(ABORT, 'the quarantine is append-only: replay the entry with a repaired row'); END;
CREATE TRIGGER IF NOT EXISTS replays_no_update BEFORE UPDATE ON replays
    BEGIN SELECT RAISE(ABORT, 'replays are append-only: replay the entry again'); END;
"""
"""Times count microseconds since 1970 (UTC)."""

_READ = """
SELECT q.id, q.at, q.request_id, q.row, q.model, q.version, q.variant, q.inputs, q.remedy, q.rule, q.reason,
       coalesce(r.event, 'waiting') AS state, coalesce(r.detail, '') AS detail
FROM quarantine q
LEFT JOIN replays r ON r.number = (SELECT max(number) FROM replays WHERE entry = q.id)
ORDER BY q.number
"""


_STATES = """
SELECT q.id, coalesce((SELECT event FROM replays WHERE entry = q.id ORDER BY number DESC LIMIT 1), 'waiting')
FROM quarantine q
"""


class Entry(NamedTuple):
    """One row that was kept from the model."""

    id: str
    """``GROUP-ROW``: all rows of a request have the same group, which its client was told."""
    at: int
    """When, in microseconds since 1970 (UTC)."""
    request_id: str
    row: int
    """Place within its request, from 0."""
    model: str
    version: str
    variant: str
    inputs: str
    """A JSON object, as it would have been scored: after hooks and lookup; ISO dates, null for missing."""
    remedy: Literal["reject", "quarantine"]
    rule: str
    """The rule that decided, in words; empty of a row that is here because another row of its request is."""
    reason: str
    """A JSON list of what is odd: ``when``, ``column``, ``found``, ``allowed``; empty of such a row too."""


class QuarantineLog:
    """The quarantine in one file; any number of servers and commands may use it at the same time.

    Args:
        path: the file; made when it is first written to.
        stays_open: for who writes often: to close it costs as much as thirty writes. One thread at a time may use it.
    """

    def __init__(self, path: Path, stays_open: bool = False) -> None:
        self.path = path
        self._stays_open = stays_open
        self._db: sqlite3.Connection | None = None
        self._file = 0

    def prepare(self) -> None:
        """Make the file, where there is none.

        Raises:
            FairleadError: it cannot be written.
        """
        with self._open():
            pass

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep rows, all or none; they are on disk when this returns.

        Raises:
            FairleadError: they cannot be written.
        """
        with self._open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_INSERT, entries)

    def read(self, ids: Sequence[str] = ()) -> pl.DataFrame:
        """Return entries with what became of them, in the order in which they came; see ``SCHEMA``.

        Args:
            ids: of entries, or groups of entries; none for all.

        Raises:
            FairleadError: an id is unknown, or the file cannot be read.
        """
        rows = []
        if self.path.exists():
            with self._open() as db:
                rows = db.execute(_READ).fetchall()
        plain = {name: pl.Int64() if kind.is_temporal() else kind for name, kind in SCHEMA.items()}
        frame = pl.DataFrame(rows, plain, orient="row").with_columns(
            pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        )
        if not ids:
            return frame
        group = pl.col("id").str.replace(r"-\d+$", "")
        known = set(frame["id"]) | set(frame.select(group)["id"])
        for given in ids:
            if given not in known:
                raise unknown("entry of the quarantine", given, frame["id"][-5:], f"All of them are in {self.path}.")
        return frame.filter(pl.col("id").is_in(list(ids)) | group.is_in(list(ids)))

    def claim(
        self,
        ids: Sequence[str],
        actor: str,
        *,
        together: bool = False,
        force: bool = False,
        now: datetime | None = None,
    ) -> list[str]:
        """Take entries to replay them; whoever else asks for them from now on does not get them.

        Args:
            ids: of entries.
            actor: who replays.
            together: take all of them or none.
            force: take those too that were replayed before.
            now: when; None is the present.

        Returns:
            The ids that were taken, in the order given: of those that are not forced, those that wait.
        """
        wanted = list(dict.fromkeys(ids))
        with self._open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            states = dict(db.execute(_STATES))
            taken = [i for i in wanted if i in states and (force or states[i] in WAITING)]
            if together and len(taken) < len(wanted):
                taken = []
            db.executemany(_TELL, [(i, _microseconds(now), actor, "claimed", "") for i in taken])
        return taken

    def settle(self, entry: str, actor: str, event: Event, detail: object, now: datetime | None = None) -> None:
        """Say what became of a claimed entry.

        Args:
            entry: its id.
            actor: who replayed it.
            event: what became of it.
            detail: more about it, as JSON values.
            now: when; None is the present.
        """
        with self._open() as db, db:
            db.execute(_TELL, (entry, _microseconds(now), actor, event, orjson.dumps(detail).decode()))

    def close(self) -> None:
        """Close the file, where it stays open; the next call opens it again."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._stays_open:
                with closing(self._made()) as db:
                    yield db
                return
            if self._db is not None and not self._still_there():
                self.close()
            if self._db is None:
                self._db = self._made()
            yield self._db
        except (sqlite3.Error, OSError) as error:
            self.close()
            text = f"quarantine {self.path} cannot be used: {error}; is there room, may it be written?"
            raise FairleadError(text) from error

    def _made(self) -> sqlite3.Connection:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        db = connect(self.path, any_thread=self._stays_open)
        db.executescript(TABLE)
        self._file = self.path.stat().st_ino
        return db

    def _still_there(self) -> bool:
        """Whether the path leads to the open file: one that was removed goes on taking rows that nobody will see."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False


_INSERT = f"INSERT INTO quarantine ({', '.join(Entry._fields)}) VALUES ({', '.join('?' * len(Entry._fields))})"  # noqa: S608
_TELL = "INSERT INTO replays (entry, at, actor, event, detail) VALUES (?, ?, ?, ?, ?)"


def _microseconds(now: datetime | None) -> int:
    return microseconds(now or datetime.now(UTC))
