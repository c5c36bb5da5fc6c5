"""Where rollouts are remembered, outside the process that runs them."""

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

from components.core.errors import FairleadError

EventKind = Literal["started", "looked", "wished", "failed", "settled"]
"""``started``: what and by which plan. ``looked``: what one look saw and what was decided. ``wished``: an operator asks
for something. ``failed``: what was decided could not be brought about. ``settled``: the verdict is brought about."""


class Event(BaseModel):
    """One record of a rollout; nothing changes or removes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rollout: str
    sequence: int
    """1, 2, 3 … without a gap."""
    at: AwareDatetime
    kind: EventKind
    payload: dict[str, Any]


class Overtaken(FairleadError):
    """Somebody else has recorded something first; read on, and decide again."""


class Store(Protocol):
    """Whatever remembers: a file on this machine, the status of a Kubernetes object."""

    def record(self, event: Event) -> None:
        """Add an event whose sequence is one above the last.

        Raises:
            Overtaken: there is one with this sequence already.
            FairleadError: the one before it is missing.
        """
        ...

    def events(self, rollout: str, after: int = 0) -> list[Event]:
        """Return the events with a sequence above ``after``, in order; none for a rollout that is not known."""
        ...

    def rollouts(self) -> list[str]:
        """Return the ids of all rollouts, oldest first."""
        ...

    def hold(self, rollout: str, holder: str, at: datetime, seconds: float) -> bool:
        """Take or keep the right to run a rollout for some seconds; False while somebody else has it."""
        ...

    def release(self, rollout: str, holder: str) -> None:
        """Give the right back, if one has it."""
        ...


_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    rollout TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (rollout, sequence)
);
CREATE TABLE IF NOT EXISTS leases (rollout TEXT PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the record of rollouts is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the record of rollouts is append-only'); END;
"""


class SqliteStore:
    """Rollouts in one SQLite file, for controllers and commands on one machine.

    Args:
        path: the file; it and its folder are made on first use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, event: Event) -> None:
        """Add an event whose sequence is one above the last."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            question = "SELECT coalesce(max(sequence), 0) FROM events WHERE rollout = ?"
            (last,) = db.execute(question, (event.rollout,)).fetchone()
            if event.sequence <= last:
                raise Overtaken(f"rollout {event.rollout} has an event {event.sequence} already, of {last}; read on")
            if event.sequence > last + 1:
                raise FairleadError(f"rollout {event.rollout} has {last} events, {event.sequence} cannot be the next")
            row = (event.rollout, event.sequence, event.at.isoformat(), event.kind, json.dumps(event.payload))
            db.execute("INSERT INTO events (rollout, sequence, at, kind, payload) VALUES (?,?,?,?,?)", row)
            db.execute("COMMIT")

    def events(self, rollout: str, after: int = 0) -> list[Event]:
        """Return the events with a sequence above ``after``, in order; none for a rollout that is not known."""
        if not self.path.exists():
            return []
        question = (
            "SELECT rollout, sequence, at, kind, payload FROM events WHERE rollout = ? AND sequence > ? "
            "ORDER BY sequence"
        )
        with self._connect() as db:
            rows = db.execute(question, (rollout, after)).fetchall()
        return [Event(rollout=r, sequence=s, at=at, kind=k, payload=json.loads(p)) for r, s, at, k, p in rows]

    def rollouts(self) -> list[str]:
        """Return the ids of all rollouts, oldest first."""
        if not self.path.exists():
            return []
        with self._connect() as db:
            return [r for (r,) in db.execute("SELECT rollout FROM events WHERE sequence = 1 ORDER BY number")]

    def hold(self, rollout: str, holder: str, at: datetime, seconds: float) -> bool:
        """Take or keep the right to run a rollout for some seconds; False while somebody else has it.

        Args:
            rollout: its id.
            holder: who asks, see ``this_process``; the right of a process of this machine ends with the process.
            at: the present time.
            seconds: from ``at`` on; somebody else can take it after that.
        """
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            found = db.execute("SELECT holder, until FROM leases WHERE rollout = ?", (rollout,)).fetchone()
            free = found is None or found[0] == holder or datetime.fromisoformat(found[1]) <= at or _gone(found[0])
            if free:
                until = (at + timedelta(seconds=seconds)).isoformat()
                db.execute("INSERT OR REPLACE INTO leases VALUES (?,?,?)", (rollout, holder, until))
            db.execute("COMMIT")
            return free

    def release(self, rollout: str, holder: str) -> None:
        """Give the right back, if one has it."""
        with self._connect() as db:
            db.execute("DELETE FROM leases WHERE rollout = ? AND holder = ?", (rollout, holder))

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            yield db


def this_process() -> str:
    """Name this process among all holders: machine and process id."""
    return f"{socket.gethostname()}/{os.getpid()}"


def _gone(holder: str) -> bool:
    """Whether a holder is a process of this machine that has ended."""
    machine, _, process = holder.rpartition("/")
    if machine != socket.gethostname() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
