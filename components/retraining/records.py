"""Where training runs are remembered, outside the process that watches: one append-only SQLite file."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from components.core.errors import FairleadError, unknown
from components.retraining.values import Decision, Run, State, Step

NEXT: Mapping[State, tuple[State, ...]] = {
    "decided": ("started", "given_up"),
    "started": ("registered", "stopped", "failed", "given_up"),
    "registered": ("rolling_out", "given_up"),
    "rolling_out": ("promoted", "rolled_back", "given_up"),
}
"""From each state the ones that may follow; an ended run has none."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    day TEXT NOT NULL,
    run TEXT NOT NULL,
    UNIQUE (key, state)
);
CREATE TABLE IF NOT EXISTS decisions (number INTEGER PRIMARY KEY, use_case TEXT NOT NULL, decision TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON steps
    BEGIN SELECT RAISE(ABORT, 'the record of training runs is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON steps
    BEGIN SELECT RAISE(ABORT, 'the record of training runs is append-only'); END;
"""


class Records:
    """All training runs that were decided on this machine with every state that they have reached, and all decisions.

    Args:
        path: the file; it and its folder are made on first use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def decide(self, run: Run, day: date) -> Run:
        """Record that a run was decided on, unless one of this key is there or another one stands in its way.

        In its way stands a run of its use case that has not ended, or that was decided on after the given one's
        decision had been made: cool-down and budget were counted without it.

        Returns:
            The run that counts: the one given, the one of this key, or the one that stands in its way.
        """
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            known = [r for r in _runs(db) if r.use_case == run.use_case]
            mine = [r for r in known if r.key == run.key]
            open_ = [r for r in known if not r.ended]
            overtaken = [r for r in known[-1:] if r.key != run.decision.after]
            if mine or open_ or overtaken:
                db.execute("ROLLBACK")
                return (mine or open_ or overtaken)[0]
            _insert(db, run, day)
            db.execute("COMMIT")
        return run

    def note(self, use_case: str, decision: Decision) -> None:
        """Record what was decided, to wait as well; the same as the last time is recorded once.

        Args:
            use_case: whose.
            decision: with its reasons.
        """
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            if _noted(db, use_case)[-1:] != [decision]:
                row = (use_case, decision.model_dump_json())
                db.execute("INSERT INTO decisions (use_case, decision) VALUES (?,?)", row)
            db.execute("COMMIT")

    def decisions(self, use_case: str) -> list[Decision]:
        """Return what was noted of a use case, oldest first."""
        if not self.path.exists():
            return []
        with self._connect() as db:
            return _noted(db, use_case)

    def step(self, key: str, state: State, day: date, version: str = "", reason: str = "") -> Run:
        """Record that a run has reached a state; recording the same state again changes nothing.

        Args:
            key: of the run.
            state: one that may follow the present one.
            day: when, by the watcher's clock.
            version: the registered version; empty keeps the one that is known.
            reason: why.

        Raises:
            FairleadError: there is no such run, or the state may not follow the one it is in.
        """
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            found = [r for r in _runs(db) if r.key == key]
            if not found:
                raise unknown("training run", key, [r.key for r in _runs(db)])
            run = found[0]
            if state == run.state:
                return run
            if state not in NEXT.get(run.state, ()):
                raise FairleadError(
                    f"run {key} is {run.state} and cannot become {state}; "
                    f"allowed: {', '.join(NEXT.get(run.state, ())) or 'none, it has ended'}"
                )
            reached = run.model_copy(update={"state": state, "version": version or run.version, "reason": reason})
            _insert(db, reached, day)
            db.execute("COMMIT")
        return reached

    def runs(self, use_case: str | None = None) -> list[Run]:
        """Return the runs as they stand, oldest first; of one use case, or all."""
        if not self.path.exists():
            return []
        with self._connect() as db:
            return [r for r in _runs(db) if use_case in (None, r.use_case)]

    def run(self, key: str) -> Run:
        """Return one run as it stands.

        Raises:
            FairleadError: there is none of this key; lists those there are.
        """
        known = {r.key: r for r in self.runs()}
        if key not in known:
            raise unknown("training run", key, known)
        return known[key]

    def steps(self, key: str) -> list[Step]:
        """Return all states that a run has reached, in order; none for a key that is not known."""
        if not self.path.exists():
            return []
        with self._connect() as db:
            rows = db.execute("SELECT day, run FROM steps WHERE key = ? ORDER BY number", (key,)).fetchall()
        found = [(day, Run.model_validate_json(text)) for day, text in rows]
        return [
            Step(state=r.state, day=date.fromisoformat(day), version=r.version, reason=r.reason) for day, r in found
        ]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
            db.executescript(_SCHEMA)
            yield db


def _insert(db: sqlite3.Connection, run: Run, day: date) -> None:
    row = (run.key, run.state, day.isoformat(), run.model_dump_json())
    db.execute("INSERT INTO steps (key, state, day, run) VALUES (?,?,?,?)", row)


def _noted(db: sqlite3.Connection, use_case: str) -> list[Decision]:
    rows = db.execute("SELECT decision FROM decisions WHERE use_case = ? ORDER BY number", (use_case,))
    return [Decision.model_validate_json(text) for (text,) in rows]


def _runs(db: sqlite3.Connection) -> list[Run]:
    question = (
        "SELECT run FROM steps AS s WHERE number = (SELECT max(number) FROM steps WHERE key = s.key) "
        "ORDER BY (SELECT min(number) FROM steps WHERE key = s.key)"
    )
    return [Run.model_validate_json(text) for (text,) in db.execute(question)]
