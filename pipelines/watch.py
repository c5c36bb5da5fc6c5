"""Watching on this machine: look again and again, tell, decide, and where that is asked for train anew."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from components.monitoring.report import write_report

from components.core import use_case as use_cases
from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.collect import champion, outcomes_of, the_day
from components.monitoring.exported import Looked
from components.monitoring.exporter import Exporter
from components.monitoring.joined import Joined
from components.monitoring.kept_looks import keep
from components.monitoring.look import look
from components.monitoring.values import Findings
from components.monitoring.watched import Watched, watch
from components.registry.store import fetch
from components.registry.version import Version
from components.retraining.trigger import Trigger
from components.retraining.values import Decision
from components.training import signing
from components.training.bundle import Bundle
from pipelines.alert_commands import book_path, looks_path
from pipelines.live_traffic import history
from pipelines.retraining_decision import decide_now, read_findings
from pipelines.retraining_runs import records_of

Say = Callable[[str], object]

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
    _joined: Joined | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.case = use_cases.load(self.use_case)
        notifiers = open_notifiers(self.settings, self.say)
        self._book = AlertBook(book_path(self.settings), notifiers)
        self.exporter = Exporter(self._book.store, notifiers)

    def look(self, now: str = "") -> Findings:
        """Look once: findings and report are kept, alerts told, a decision made, and a run started where one is due.

        Args:
            now: the day, see ``components.monitoring.collect.the_day``.

        Raises:
            FairleadError: there is no champion, the log cannot be read, or a later day was looked at before.
        """
        day, started = the_day(now), time.monotonic()
        watched, joined = self._the_watched()
        rows = joined.at(day)
        found = look(watched, rows, day)
        self._keep(found)
        events = self._book.observe(found, self.case.monitoring)
        self.say(headline(found, len(events)))
        decision = decide_now(self.settings, self.case, found, rows, self._table())
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

    def _the_watched(self) -> tuple[Watched, Joined]:
        reigns = champion(self.case, self.settings)
        if self._watched is None or self._joined is None or self._watched.version != str(reigns.version):
            self._watched = watch(self.case, self._open(reigns), str(reigns.version), pl.read_parquet(self._table()))
            self._joined = Joined(self.log, outcomes_of(self.log, self.outcomes), self.case, reigns.contract.inputs)
        return self._watched, self._joined

    def _open(self, version: Version) -> Bundle:
        fetched = fetch(version.uri, self.settings.home / "fetched", self.settings)
        signing.verify(fetched, self.settings.verify_key)
        return Bundle.open(fetched)

    def _table(self) -> Path:
        return self.features or history(self.case, self.settings.home / "history")

    def _keep(self, found: Findings) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / f"{found.use_case}-{found.now}.json", found.model_dump_json(indent=1).encode())
        known = sorted(p for p in self.folder.glob(f"{found.use_case}-*.json") if p.stem[-10:] < found.now.isoformat())
        target = self.report(found.now)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_report(found, target, [read_findings(p) for p in known[-EARLIER:]])

    def _act(self, decision: Decision, found: Findings, day: date) -> None:
        if self.trigger is None:
            if decision.action == "retrain":
                self.say(f"  a training run is due by {decision.trigger}: fairlead retraining run")
            return
        # First what an earlier look, or a process that died, has left open.
        run = self.trigger.advance(self.case.name, day)
        if decision.action == "retrain" and (run is None or run.ended):
            run = self.trigger.fire(self.case.name, found.version, decision, day)
        if run is not None and (not run.ended or run.key == decision.key):
            self.say(
                f"  run {run.key}: {run.state.replace('_', ' ')} {run.reason.splitlines()[0] if run.reason else ''}"
            )

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
        except FairleadError as error:
            watching.say(f"fairlead: the look failed and is tried again: {error}")
        if stop(max(0.0, started + seconds - time.monotonic())):
            return


def headline(found: Findings, changes: int) -> str:
    """Say a look in one line.

    Args:
        found: of the look.
        changes: alerts that changed with it.
    """
    reds, ambers = ([c.key for c in found.calls if c.severity == level] for level in ("red", "amber"))
    called = f"{len(reds)} red ({', '.join(reds[:3])}{' …' if len(reds) > 3 else ''}), {len(ambers)} amber"
    told = f"{changes} alerts changed" if changes else "no alert changed"
    rows = f"{found.window.rows:,} rows since {found.window.first}"
    return f"{found.now} version {found.version}: {rows}; {called if found.calls else 'calm'}; {told}"
