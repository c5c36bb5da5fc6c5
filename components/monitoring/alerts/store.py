"""Where the alert book is kept: one SQLite file, with an outbox beside the events."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from components.monitoring.alerts.values import Alert, Event, Silence

_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (
    use_case TEXT NOT NULL,
    model TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    now TEXT NOT NULL,
    PRIMARY KEY (use_case, model, number)
);
CREATE TABLE IF NOT EXISTS alerts (
    use_case TEXT NOT NULL,
    model TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (use_case, model, key)
);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    use_case TEXT NOT NULL,
    model TEXT NOT NULL,
    look INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS silences (number INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    event INTEGER NOT NULL REFERENCES events (number),
    notifier TEXT NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (event, notifier)
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (notifier, event) WHERE acknowledged = 0;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the record of alerts is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the record of alerts is append-only'); END;
"""


@dataclass(frozen=True)
class Look:
    """A look that the book knows.

    Args:
        number: 1, 2, 3 … for each model.
        digest: of what was found.
        now: its day.
    """

    number: int
    digest: str
    now: date


@dataclass(frozen=True)
class Waiting:
    """An event that a notifier has not acknowledged yet.

    Args:
        event_number: of the event.
        event: what to tell.
        notifier: whom.
        attempts: made so far.
        problem: of the last one.
    """

    event_number: int
    event: Event
    notifier: str
    attempts: int
    problem: str


class Page:
    """The book while one writer has it: what is written stands when the block ends, all of it or nothing.

    Args:
        db: in a transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def looks(self, use_case: str, model: str, digest: str) -> tuple[Look | None, Look | None]:
        """Return a model's last look, and its last one that found what ``digest`` stands for."""
        question = "SELECT number, digest, now FROM looks WHERE use_case = ? AND model = ?"
        last = " ORDER BY number DESC LIMIT 1"
        newest = self._db.execute(question + last, (use_case, model)).fetchone()
        same = self._db.execute(f"{question} AND digest = ?{last}", (use_case, model, digest)).fetchone()
        return _look(newest), _look(same)

    def add_look(self, use_case: str, model: str, look: Look) -> None:
        """Note a look."""
        row = (use_case, model, look.number, look.digest, look.now.isoformat())
        self._db.execute("INSERT INTO looks VALUES (?,?,?,?,?)", row)

    def events_of(self, use_case: str, model: str, look: int) -> tuple[Event, ...]:
        """Return the events of a look."""
        question = "SELECT document FROM events WHERE use_case = ? AND model = ? AND look = ? ORDER BY number"
        rows = self._db.execute(question, (use_case, model, look))
        return tuple(Event.model_validate_json(d) for (d,) in rows)

    def alerts(self, use_case: str, model: str) -> dict[str, Alert]:
        """Return a model's alerts by key."""
        question = "SELECT document FROM alerts WHERE use_case = ? AND model = ? ORDER BY key"
        found = (Alert.model_validate_json(d) for (d,) in self._db.execute(question, (use_case, model)))
        return {a.key: a for a in found}

    def put_alert(self, alert: Alert) -> None:
        """Keep an alert in place of the one of the same key."""
        row = (alert.use_case, alert.model, alert.key, alert.model_dump_json())
        self._db.execute("INSERT OR REPLACE INTO alerts VALUES (?,?,?,?)", row)

    def drop_alert(self, alert: Alert) -> None:
        """Forget an alert; its events stay."""
        where = (alert.use_case, alert.model, alert.key)
        self._db.execute("DELETE FROM alerts WHERE use_case = ? AND model = ? AND key = ?", where)

    def add_event(self, event: Event, look: int, notifiers: Iterable[str]) -> None:
        """Record an event, and in the same breath whom it is to be told."""
        row = (event.id, event.use_case, event.model, look, event.model_dump_json())
        insert = "INSERT INTO events (id, use_case, model, look, document) VALUES (?,?,?,?,?)"
        number = self._db.execute(insert, row).lastrowid
        for name in notifiers if event.tell else ():
            self._db.execute("INSERT INTO outbox (event, notifier) VALUES (?,?)", (number, name))

    def silences(self) -> list[Silence]:
        """Return all silences, those that are over too, oldest first."""
        rows = self._db.execute("SELECT document FROM silences ORDER BY number")
        return [Silence.model_validate_json(d) for (d,) in rows]

    def put_silence(self, silence: Silence) -> None:
        """Keep a silence in place of the one of the same number."""
        row = (silence.number, silence.model_dump_json())
        self._db.execute("INSERT OR REPLACE INTO silences VALUES (?,?)", row)


class BookStore:
    """The file.

    Args:
        path: it and its folder are made on first use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self) -> Iterator[Page]:
        """Have the book alone; others wait."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield Page(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def alerts(self) -> list[Alert]:
        """Return all alerts of all models."""
        with self._connect() as db:
            rows = db.execute("SELECT document FROM alerts ORDER BY use_case, model, key").fetchall()
        return [Alert.model_validate_json(d) for (d,) in rows]

    def silences(self) -> list[Silence]:
        """Return all silences, those that are over too, oldest first."""
        with self._connect() as db:
            return Page(db).silences()

    def events(self, last: int | None = None) -> list[Event]:
        """Return the newest so many events, or all, the oldest first."""
        question = "SELECT document FROM events ORDER BY number DESC LIMIT ?"
        with self._connect() as db:
            rows = db.execute(question, (-1 if last is None else last,)).fetchall()
        return [Event.model_validate_json(d) for (d,) in reversed(rows)]

    def told(self) -> list[Event]:
        """Return for each alert that notifiers know of the last event that they were to be told."""
        question = (
            "SELECT document, max(number) FROM events WHERE json_extract(document, '$.tell') "
            "GROUP BY use_case, model, json_extract(document, '$.name'), json_extract(document, '$.subject')"
        )
        with self._connect() as db:
            rows = db.execute(question).fetchall()
        found = [Event.model_validate_json(d) for d, _ in rows]
        return [e for e in found if e.level != "green"]

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Count the events by use case, model and kind."""
        question = "SELECT use_case, model, json_extract(document, '$.kind'), count(*) FROM events GROUP BY 1, 2, 3"
        with self._connect() as db:
            return {(u, m, k): n for u, m, k, n in db.execute(question)}

    def waiting(self, notifiers: Sequence[str] | None = None) -> list[Waiting]:
        """Return what has not been acknowledged, oldest first; of some notifiers or of all."""
        question = (
            "SELECT o.event, e.document, o.notifier, o.attempts, o.problem FROM outbox o "
            "JOIN events e ON e.number = o.event WHERE o.acknowledged = 0 ORDER BY o.event, o.notifier"
        )
        with self._connect() as db:
            rows = db.execute(question).fetchall()
        found = [Waiting(n, Event.model_validate_json(d), w, a, p) for n, d, w, a, p in rows]
        return found if notifiers is None else [w for w in found if w.notifier in notifiers]

    def acknowledge(self, waiting: Waiting) -> None:
        """Note that a notifier has taken an event."""
        change = "UPDATE outbox SET acknowledged = 1, attempts = attempts + 1 WHERE event = ? AND notifier = ?"
        with self._connect() as db:
            db.execute(change, (waiting.event_number, waiting.notifier))

    def failed(self, waiting: Waiting, problem: str) -> None:
        """Note an attempt that failed."""
        change = "UPDATE outbox SET problem = ?, attempts = attempts + 1 WHERE event = ? AND notifier = ?"
        with self._connect() as db:
            db.execute(change, (problem, waiting.event_number, waiting.notifier))

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            yield db


def _look(row: tuple[int, str, str] | None) -> Look | None:
    return None if row is None else Look(row[0], row[1], date.fromisoformat(row[2]))
