"""Watching on this machine: look again and again, tell, decide, and where that is asked for train anew."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from components.core import use_case as use_cases
from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.contracts import Contract
from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.collect import Log, champion, the_day
from components.monitoring.drift.apart import Discrepancy, measure_apart
from components.monitoring.exported import Looked
from components.monitoring.exporter import Exporter
from components.monitoring.kept_looks import keep
from components.monitoring.look import look
from components.monitoring.report import write_report
from components.monitoring.values import Findings
from components.monitoring.watched import Watched, watch
from components.monitoring.windows import cut
from components.registry.store import fetch
from components.registry.version import Version
from components.retraining.bookkeeping import labels_between
from components.retraining.trigger import Trigger
from components.retraining.values import Decision, Run
from components.training import signing
from components.training.bundle import Bundle
from pipelines.alert_commands import book_path, looks_path
from pipelines.environments import ensure, interpreter
from pipelines.live_traffic import history
from pipelines.retraining_decision import decide_now, read_findings
from pipelines.retraining_runs import records_of
from pipelines.runners.local import ENVIRONMENTS

Say = Callable[[str], None]

PASSING = (FairleadError, OSError, sqlite3.Error)
"""What may be over at the next look: something that is not there yet, a full disk, a database that is locked."""

EARLIER = 40
"""Looks before the newest that its report shows."""


@dataclass
class Watching:
    """Everything that goes on from look to look; what has to outlive the process is in the home.

    Args:
        settings: where registry, log, alert book and records are.
        use_case: name of one that ships, or the path of a YAML file.
        log: URI of the prediction log.
        outcomes: SQLite file of the outcomes; empty for the log's own.
        features: table of ``build_features`` that the champion learned from; None makes it from the use case's table.
        say: takes one line.
        trigger: starts training runs; None only decides.
    """

    settings: Settings
    use_case: str
    log: str
    outcomes: str
    features: Path | None
    say: Say
    trigger: Trigger | None = None
    _watched: Watched | None = field(default=None, init=False)
    _log: Log | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.case = use_cases.load(self.use_case)
        notifiers = open_notifiers(self.settings, self.say)
        self._book = AlertBook(book_path(self.settings), notifiers)
        self.exporter = Exporter(self._book.store, notifiers, looks_path(self.settings))

    def look(self, now: str = "") -> Findings:
        """Look once: findings and report are kept, alerts told, a decision made, and a run started where one is due.

        What was done before is not done again: the same look tells nobody twice and starts nothing twice, and a process
        that was killed in the middle of one is followed by one that goes on.

        Args:
            now: the day, see ``components.monitoring.collect.the_day``.

        Raises:
            FairleadError: there is no champion, the log cannot be read, or a later day was looked at before.
        """
        day, started = the_day(now), time.monotonic()
        watched, log = self._the_watched()
        rows = log.at(day)
        found = look(watched, rows, day, apart=self._apart(watched, rows, day))
        # The page first: whoever is told of an alert finds it there.
        self._keep(found)
        events = self._book.observe(found, self.case.monitoring)
        self.say(headline(found, len(events)))
        for reason in found.figures["no_data"].values():
            self.say(f"  no data: {reason}")
        table = self._table(watched.bundle.contract)
        told = self._knows_more(rows, pl.read_parquet(table), watched.as_of, day)
        decision = decide_now(self.settings, self.case, found, told, table)
        self._act(decision, found, day)
        looked = self._looked(found, time.monotonic() - started)
        keep(looked, looks_path(self.settings))
        self.exporter.show(looked)
        return found

    @property
    def folder(self) -> Path:
        """Where findings are kept, a file for each day."""
        return self.settings.home / "findings"

    def report(self, day: date) -> Path:
        """Return where the page of a look is."""
        return self.settings.home / "reports" / f"{self.case.name}-look-{day}.html"

    def _the_watched(self) -> tuple[Watched, Log]:
        reigns = champion(self.case, self.settings)
        if self._watched is None or self._log is None or self._watched.version != str(reigns.version):
            table = pl.read_parquet(self._table(reigns.contract))
            self._watched = watch(self.case, self._open(reigns), str(reigns.version), table)
            self._log = Log(self.case, reigns.contract, self.log, self.outcomes)
        return self._watched, self._log

    def _apart(self, watched: Watched, rows: pl.DataFrame, day: date) -> Discrepancy | None:
        """Measure what alibi-detect does in its own environment, where the use case asks for it and there are rows."""
        drift = self.case.monitoring.drift
        if "mmd" not in drift.multivariate:
            return None
        windows = cut(watched, watched.scored(rows), day)
        if min(len(windows.rows), len(windows.reference.rows)) < drift.minimum_rows:
            return None
        ensure(["drift"], ENVIRONMENTS, self.say)
        python = interpreter("drift", ENVIRONMENTS)
        return measure_apart(windows.reference.rows, windows.rows, watched.kinds, python)

    def _knows_more(self, rows: pl.DataFrame, table: pl.DataFrame, since: date, day: date) -> pl.DataFrame:
        """Return what new labels are counted in: the log, or the table that a run would learn from.

        The table knows older rows than the log does, and the log newer ones than a table that was made some time ago.
        """
        months = self.case.labels.maturity_months
        return max((rows, table), key=lambda frame: labels_between(frame, months, since, day))

    def _open(self, version: Version) -> Bundle:
        fetched = fetch(version.uri, self.settings.home / "fetched", self.settings)
        signing.verify(fetched, self.settings.verify_key)
        return Bundle.open(fetched)

    def _table(self, contract: Contract) -> Path:
        if self.features is not None:
            return self.features
        folder = self.settings.home / "history"
        # One that ships never changes; any other is made anew for a model that was trained on another.
        return history(
            self.case, folder if self.case.data.source.startswith("sample://") else folder / contract.data_hash
        )

    def _keep(self, found: Findings) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / f"{found.use_case}-{found.now}.json", found.model_dump_json(indent=1).encode())
        target = self.report(found.now)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_report(found, target, self._earlier(found.now))

    def _earlier(self, day: date) -> list[Findings]:
        """Return the looks before a day, old to new; one that cannot be read any more is left out of the report."""
        known = sorted(p for p in self.folder.glob(f"{self.case.name}-*.json") if p.stem[-10:] < day.isoformat())
        found = []
        for path in known[-EARLIER:]:
            try:
                found.append(read_findings(path))
            except FairleadError as error:
                self.say(f"  left out of the report: {error}")
        return found

    def _act(self, decision: Decision, found: Findings, day: date) -> None:
        due = decision.action == "retrain"
        if self.trigger is None:
            if due:
                self.say(f"  a training run is due by {decision.trigger}: fairlead retraining run")
            return
        # First what an earlier look, or a process that died, has left open.
        open_ = {run.key for run in records_of(self.settings).runs(self.case.name) if not run.ended}
        run = self.trigger.advance(self.case.name, day) if open_ else None
        if run is not None:
            self._tell(run)
        elif due:
            self._tell(self.trigger.fire(self.case.name, found.version, decision, day))

    def _tell(self, run: Run) -> None:
        reason = f": {run.reason.splitlines()[0]}" if run.reason else ""
        self.say(f"  run {run.key}: {run.state.replace('_', ' ')}{reason}")

    def _looked(self, found: Findings, seconds: float) -> Looked:
        runs = records_of(self.settings).runs(self.case.name)
        states = [run.state for run in runs]
        newest = max((run.decision.as_of for run in runs), default=None)
        return Looked(
            findings=found,
            ended=datetime.now(UTC),
            seconds=seconds,
            runs={state: states.count(state) for state in set(states)},
            last_training=newest,
        )


def watch_on(watching: Watching, seconds: float, stop: Callable[[float], bool]) -> None:
    """Look every so many seconds until told to stop; a look that fails is told, and tried again at the next.

    Args:
        watching: see ``Watching``.
        seconds: from the start of a look to the start of the next.
        stop: waits for so many seconds, and returns True where it is time to end.
    """
    while True:
        started = time.monotonic()
        try:
            watching.look()
        except PASSING as error:
            watching.say(f"fairlead: the look failed and is tried again: {error}")
        if stop(max(0.0, started + seconds - time.monotonic())):
            return


def headline(found: Findings, changes: int) -> str:
    """Say a look in one line; a look that could tell nothing is not calm.

    Args:
        found: of the look.
        changes: alerts that changed with it.
    """
    reds, ambers = ([c.key for c in found.calls if c.severity == level] for level in ("red", "amber"))
    called = f"{len(reds)} red ({', '.join(reds[:3])}{' …' if len(reds) > 3 else ''}), {len(ambers)} amber"
    told = f"{changes} alerts changed" if changes else "no alert changed"
    rows = f"{found.window.rows:,} rows since {found.window.first}"
    calm = "no data" if found.severity == "no_data" else "calm"
    return f"{found.now} version {found.version}: {rows}; {called if found.calls else calm}; {told}"
