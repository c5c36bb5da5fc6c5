"""The stage of the replay: a home of its own, the first model, and live traffic behind a real proxy."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import polars as pl

from components.core.config import Settings, write_settings
from components.core.errors import FairleadError
from components.registry import approvals
from components.registry.registry import Registry
from components.registry.store import fetch
from components.registry.version import Version
from components.retraining.values import Progress, Run
from components.rollout import history
from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.machine import MachinePlane
from components.rollout.supervisor import model_server
from components.rollout.traffic import Variant
from components.training.bundle import Bundle
from pipelines.demo import version_of
from pipelines.replay.feed import Feed
from pipelines.replay.world import World
from pipelines.retraining_rollouts import MachineRollouts
from pipelines.rollout_around import machine_of, predictions_of, store_of
from pipelines.rollout_stage import stage_home
from pipelines.runners.local import Run as Done
from pipelines.runners.local import Say

RATE = 60.0
"""Loans a second while a rollout runs: a month of approvals passes in ten seconds, and a rollout takes some weeks."""
PATIENCE = 90.0
"""Seconds that a rollout gets; one that has no verdict by then is aborted."""
LOG_SECONDS = 60.0
"""So long the log may take to get the last rows."""
SHARED = ("artifacts", "cache", "history")
"""Folders of the ordinary home that the replay shares: what an earlier run has made is the same here."""

PLAN = Plan(
    name="replay",
    strategy="canary",
    use_case="sba_loans",
    steps=(Step(weight=25, minimum_requests=20), Step(weight=50, minimum_requests=40)),
    # Outcomes take years, so no loss can be waited for: the gates have compared the two on the past, and what is left
    # to find out is whether the candidate serves.
    metrics=(
        Metric(name="error_rate", tolerated=0.01, margin=0.1),
        Metric(name="latency", above_ms=250, tolerated=0.05),
        Metric(name="outlier_rate", tolerated=0.1),
    ),
    minimum_requests=60,
    look_seconds=0.25,
)


def prepare(settings: Settings) -> Settings:
    """Make an empty home for the replay and return its settings; keys, bundles and caches are those of the real one."""
    ours = stage_home(settings, settings.home / "replay")
    if ours.home.exists():
        MachinePlane(machine_of(ours), ours).close()
        shutil.rmtree(ours.home)
    ours.home.mkdir(parents=True)
    for name in SHARED:
        (settings.home / name).mkdir(exist_ok=True)
        (ours.home / name).symlink_to(settings.home / name, target_is_directory=True)
    return ours


@contextmanager
def environment(settings: Settings) -> Iterator[None]:
    """Hand the settings to the steps that are started within the block: they read them from the environment."""
    before = {name: os.environ.get(name) for name in os.environ if name.startswith("FAIRLEAD_")}
    given = write_settings(settings)
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


def crown(settings: Settings, use_case: str, done: Done) -> Version:
    """Put the first model in charge."""
    registry = Registry(settings)
    asked = registry.request(use_case, version_of(done))
    approvals.approve(settings, asked.id, "the model that the replay begins with")
    return registry.promote(use_case, asked.version, asked.id)


def opened(settings: Settings, version: Version) -> Bundle:
    """Fetch a registered bundle and open it."""
    return Bundle.open(fetch(version.uri, settings.home / "fetched", settings))


@dataclass
class Traffic:
    """Loans in order, sent once each to whatever serves at the time.

    Args:
        world: the loans.
        feed: sends them.
        last: day of the last loan.
        ahead: loans that were sent before their month was due, while a rollout ran.
    """

    world: World
    feed: Feed
    last: date
    ahead: set[str] = field(default_factory=set)

    def send(self, first: date, until: date) -> int:
        """Send the loans of some days that were not sent yet; returns how many loans those days have."""
        loans = self.world.between(first, until)
        self.feed.send(loans.filter(~pl.col("row_id").is_in(sorted(self.ahead))) if self.ahead else loans)
        return len(loans)

    def after(self, day: date) -> pl.DataFrame:
        """Return the loans after a day that were not sent yet, in order."""
        loans = self.world.rows.filter((pl.col("event_time") > day) & (pl.col("event_time") <= self.last))
        return loans.filter(~pl.col("row_id").is_in(sorted(self.ahead)))


@dataclass
class LiveRollouts:
    """Rolls out while the loans of the following weeks come in.

    Args:
        settings: of the replay's home.
        traffic: whose loans come.
        say: takes one line of progress.
        now: the day of the look that the rollout follows.
    """

    settings: Settings
    traffic: Traffic
    say: Say
    now: date = date.min

    def __post_init__(self) -> None:
        self._rollouts = MachineRollouts(self.settings, self.say, PLAN, approve=True)

    def rollout(self, run: Run) -> Progress:
        """Say how far it is."""
        return self._rollouts.rollout(run)

    def roll_out(self, run: Run) -> None:
        """Run it to its end."""
        loans = self.traffic.after(self.now)
        shared = partial(self._is_shared, run.key)
        with self._aborted_in_time(run.key), self.traffic.feed.live(loans, RATE, shared) as live:
            self._rollouts.roll_out(run)
        self.traffic.ahead.update(loans["row_id"][: live.sent].to_list())

    def _is_shared(self, key: str) -> bool:
        """Whether a candidate has traffic: while servers start and stop, minutes pass in life and no loan comes."""
        store = store_of(self.settings)
        if key not in store.rollouts():
            return False
        state = history.read(store, key).state
        return state.traffic.candidate > 0 and not state.final

    @contextmanager
    def _aborted_in_time(self, key: str) -> Iterator[None]:
        # By a clock of its own: between looks that take long the engine does not wait, so nobody is asked there.
        timer = threading.Timer(PATIENCE, self._abort, (key,))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _abort(self, key: str) -> None:
        wish = {"kind": "abort", "actor": self.settings.actor, "reason": f"no verdict within {PATIENCE:g} s"}
        store = store_of(self.settings)
        # One that has its verdict may still be about to bring it about, and may get it just now.
        with suppress(FairleadError):
            if not history.read(store, key).state.final:
                history.record_wish(store, key, wish, datetime.now(UTC))


def plane_of(settings: Settings) -> MachinePlane:
    """Return the plane that answers between rollouts: the one on which rollouts run, with servers that log."""
    log = f"sqlite:///{predictions_of(settings)}"

    def command(variant: Variant, bundle: str, port: int) -> list[str]:
        return [*model_server(variant, bundle, port), "--log", log]

    return MachinePlane(machine_of(settings), settings, command=command)


def require_whole(feed: Feed, loans: int) -> None:
    """Refuse a replay in which a loan was lost.

    Raises:
        FairleadError: fewer or more loans were sent than came.
    """
    sent = feed.sent
    if len(sent) != loans or sent["row_id"].n_unique() != loans:
        raise FairleadError(f"{loans} loans came and {len(sent)} were sent, {sent['row_id'].n_unique()} of them once")


def drained(settings: Settings, loans: int) -> None:
    """Wait until the log has so many loans: servers write beside their answers.

    Raises:
        FairleadError: it does not get them.
    """
    end = time.monotonic() + LOG_SECONDS
    while (logged := _logged(predictions_of(settings))) < loans:
        if time.monotonic() > end:
            raise FairleadError(f"{loans} loans were answered and {logged} are in the log after {LOG_SECONDS:g} s")
        time.sleep(0.05)


def _logged(log: Path) -> int:
    """Count the loans in the log; one whose request was answered twice, because its client had sent it again, once."""
    if not log.exists():
        return 0
    with closing(sqlite3.connect(log)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'predictions'").fetchone():
            return 0
        found: int = db.execute("SELECT count(*) FROM (SELECT DISTINCT request_id, row FROM predictions)").fetchone()[0]
    return found
