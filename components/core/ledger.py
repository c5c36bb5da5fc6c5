"""The ledger: an append-only record in which each entry carries the hash of the one before."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core.errors import IntegrityError

GENESIS = "0" * 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


@dataclass(frozen=True)
class Entry:
    """One record: who did what, when, and the hash that ties it to the record before."""

    number: int
    at: str
    actor: str
    kind: str
    payload: dict[str, Any]
    previous: str
    hash: str


class Ledger:
    """A hash-chained, append-only ledger in one SQLite file.

    Args:
        path: the file; it and its folder are made on the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, payload: dict[str, Any], actor: str, once: str | None = None) -> Entry:
        """Add one record; concurrent writers queue, each linking to the one before.

        Args:
            kind: what happened, ``stage.verb`` (``registry.registered``).
            payload: JSON values only.
            actor: who did it.
            once: a field of the payload; when a record of this kind has the same value there, that record is
                returned and none is added. A step that was killed can so be run again.
        """
        text = json.dumps(payload, sort_keys=True)
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            if once is not None:
                there = _find(db, kind, once, payload[once])
                if there is not None:
                    db.execute("ROLLBACK")
                    return there
            row = db.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchone()
            number, previous = (row[0] + 1, row[1]) if row else (1, GENESIS)
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            digest = _hash(number, at, actor, kind, text, previous)
            db.execute("INSERT INTO entries VALUES (?,?,?,?,?,?,?)", (number, at, actor, kind, text, previous, digest))
            db.execute("COMMIT")
        return Entry(number, at, actor, kind, json.loads(text), previous, digest)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the records in order, all of them or those of one kind."""
        if not self.path.exists():
            return []
        with self._connect() as db:
            rows = db.execute("SELECT * FROM entries WHERE ?1 IS NULL OR kind = ?1 ORDER BY number", (kind,)).fetchall()
        return [_entry(r) for r in rows]

    def verify(self) -> int:
        """Recompute the chain and return how many entries it has.

        Raises:
            IntegrityError: an entry was changed, removed or put in; names the first one that does not fit.
        """
        previous = GENESIS
        entries = self.entries()
        for expected, e in enumerate(entries, start=1):
            digest = _hash(e.number, e.at, e.actor, e.kind, json.dumps(e.payload, sort_keys=True), e.previous)
            if e.number != expected or e.previous != previous or e.hash != digest:
                raise IntegrityError(
                    f"ledger {self.path}: entry {e.number} ({e.kind}) does not fit the chain; expected number "
                    f"{expected} after {previous[:12]}…, found {e.number} after {e.previous[:12]}… with hash "
                    f"{e.hash[:12]}… (recomputed {digest[:12]}…)"
                )
            previous = e.hash
        return len(entries)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            yield db


def _entry(row: tuple[Any, ...]) -> Entry:
    number, at, actor, kind, payload, previous, digest = row
    return Entry(number, at, actor, kind, json.loads(payload), previous, digest)


def _find(db: sqlite3.Connection, kind: str, field: str, value: object) -> Entry | None:
    rows = db.execute("SELECT * FROM entries WHERE kind = ? ORDER BY number", (kind,))
    entries = (_entry(row) for row in rows)
    return next((e for e in entries if e.payload.get(field) == value), None)


def _hash(number: int, at: str, actor: str, kind: str, payload: str, previous: str) -> str:
    return hashlib.sha256("\x1f".join([str(number), at, actor, kind, payload, previous]).encode()).hexdigest()
