"""The stage: an empty home that shares what may be shared, settings for its steps, and loans that are sent once."""

import json
import os
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from components.core.config import Settings, read_settings
from components.core.errors import FairleadError
from components.registry.registry import Registry
from components.retraining.values import Decision, Run
from components.rollout import history
from components.rollout.planes.machine import MachinePlane
from components.rollout.planes.memory import MemoryPlane
from components.rollout.state import Observation
from components.serving.records import Recorder
from components.serving.scored import ScoredBatch
from components.serving.sinks.sqlite import SqliteSink
from pipelines import rollout_start
from pipelines.replay import stage
from pipelines.replay.feed import Feed
from pipelines.replay.stage import (
    PLAN,
    SHARED,
    LiveRollouts,
    Traffic,
    crown,
    drained,
    environment,
    opened,
    plane_of,
    prepare,
    require_whole,
)
from pipelines.replay.world import World
from pipelines.rollout_around import Machinery, machine_of, predictions_of, store_of
from tests.pipelines.replay.test_feed import FIELDS, now_and_then, server, until, well
from tests.registry.conftest import empty_store, register, settings, smoke, variant
from tests.rollout.test_child import gone

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]

START = date(2004, 1, 1)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "tester"})


def test_a_home_is_empty_and_shares_what_earlier_runs_have_made(home: Settings) -> None:
    ours = prepare(home)
    assert ours.home == home.home / "replay"
    assert sorted(p.name for p in ours.home.iterdir()) == sorted(SHARED)
    for own in ("ledger_path", "tracking_uri"):
        assert str(ours.home) in str(getattr(ours, own))
    for common in ("signing_key", "verify_key", "bundle_store"):
        assert getattr(ours, common) == getattr(home, common)
    (ours.home / "cache" / "made").touch()
    assert (home.home / "cache" / "made").exists()


def test_a_second_replay_begins_anew_and_leaves_what_is_shared(home: Settings) -> None:
    ours = prepare(home)
    (ours.home / "artifacts" / "made").write_text("kept")
    ours.ledger_path.write_text("gone")
    (ours.home / "runs" / "1").mkdir(parents=True)
    assert prepare(home) == ours
    assert sorted(p.name for p in ours.home.iterdir()) == sorted(SHARED)
    assert (home.home / "artifacts" / "made").read_text() == "kept"


def test_processes_that_a_killed_replay_has_left_are_stopped(home: Settings) -> None:
    ours = prepare(home)
    plane = MachinePlane(machine_of(ours), ours)
    plane.supervisor.keep("left", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    until(lambda: "pid" in plane.supervisor.state("left"), "it did not start")
    pid = plane.supervisor.state("left")["pid"]
    prepare(home)
    assert gone(pid)
    assert not plane.supervisor.running()


def test_steps_find_the_settings_and_afterwards_all_is_as_before(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("FAIRLEAD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FAIRLEAD_HOME", "/somewhere/else")
    monkeypatch.setenv("FAIRLEAD_KFP_HOST", "")
    before = dict(os.environ)
    with environment(home):
        assert read_settings() == home
    assert dict(os.environ) == before
    with pytest.raises(ZeroDivisionError), environment(home):
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_the_first_model_is_crowned_and_can_be_opened(settings, register, variant, tmp_path: Path) -> None:
    made = register(variant("one"))
    (tmp_path / "registered").write_text(json.dumps({"version": made.version}))
    done = SimpleNamespace(artifact=lambda _, name: tmp_path / name)
    crowned = crown(settings, "sba_loans", done)
    reigns = Registry(settings).champion("sba_loans")
    assert reigns is not None
    assert reigns.version == crowned.version == made.version
    assert opened(settings, crowned).contract.as_of == "2008-12-31"


def test_servers_between_rollouts_write_where_outcomes_are_told(home: Settings) -> None:
    plane = plane_of(home)
    assert plane.folder == machine_of(home)
    command = plane.supervisor._command("stable", "models:/sba_loans/1", 4711)
    assert command[command.index("--log") + 1] == f"sqlite:///{predictions_of(home)}"


# The log.


def logged(path: Path, request_id: str, rows: int) -> None:
    batch = ScoredBatch(
        at=datetime(2004, 1, 1, tzinfo=UTC).timestamp(),
        request_ids=[request_id] * rows,
        row_numbers=list(range(rows)),
        columns={},
        probability=np.full(rows, 0.5),
        decision=np.zeros(rows, np.int64),
        latency_ms=[1.0] * rows,
    )
    sink = SqliteSink(path)
    sink.write(Recorder("sba_loans", "1", "stable", ()).records([batch]))
    sink.close()


def test_the_log_is_waited_for(home: Settings) -> None:
    path = predictions_of(home)
    logged(path, "a", 3)
    drained(home, 3)
    entered = threading.Event()

    def late() -> None:
        entered.wait()
        logged(path, "b", 2)

    writer = threading.Thread(target=late)
    writer.start()
    entered.set()
    drained(home, 5)
    writer.join()


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param([], 0, id="no log at all"),
        pytest.param([("a", 3)], 3, id="one is lacking"),
        pytest.param([("a", 3), ("a", 3)], 3, id="a request that was answered twice counts once"),
    ],
)
def test_a_log_that_stays_short_is_told(
    home: Settings, monkeypatch: pytest.MonkeyPatch, written: list[tuple[str, int]], found: int
) -> None:
    monkeypatch.setattr(stage, "LOG_SECONDS", 0.01)
    for request_id, rows in written:
        logged(predictions_of(home), request_id, rows)
    with pytest.raises(FairleadError, match=rf"4 loans were answered and {found} are in the log after 0.01 s"):
        drained(home, 4)
    assert predictions_of(home).exists() == bool(written)


# The traffic.


def a_year(sba, n: int = 366) -> World:
    return World(
        sba,
        pl.DataFrame(
            {
                "row_id": [f"loan-{i}" for i in range(n)],
                "event_time": [START + timedelta(days=i) for i in range(n)],
                "outcome": [0] * n,
                "outcome_time": pl.Series([None] * n, dtype=pl.Date),
                "amount": [float(i) for i in range(n)],
                "bank": ["a bank"] * n,
            }
        ),
    )


def run(key: str = "k") -> Run:
    decision = Decision(action="retrain", reasons=(), pressure=1.0, as_of=date(2004, 3, 31), key=key)
    return Run(key=key, use_case="sba_loans", decision=decision, state="rolling_out", version="2")


class Rollouts:
    """Stands for the rollout engine: is over once so many loans have come."""

    def __init__(self, feed: Feed, loans: int) -> None:
        self._feed, self._loans = feed, loans

    def roll_out(self, _: Run) -> None:
        until(lambda: len(self._feed.sent) >= self._loans, "no loans came")


def test_each_loan_is_sent_once_ahead_in_a_rollout_or_in_its_month(sba, home: Settings, tmp_path: Path) -> None:
    world, months = a_year(sba), [date(2004, m, 1) for m in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]
    ends = [*(m - timedelta(days=1) for m in months), date(2004, 12, 31)]
    with server(now_and_then) as (url, served), pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.replay.feed.PAUSE", 0.001)
        patch.setattr(stage, "RATE", 3000.0)
        feed = Feed(url, FIELDS, (), tmp_path / "log.db")
        traffic = Traffic(world, feed, date(2004, 12, 31))
        patch.setattr(LiveRollouts, "_is_shared", lambda *_: True)
        live = LiveRollouts(home, traffic, lambda _: None)
        before, came = START, 0
        for now in ends:
            came += traffic.send(before, now)
            before = now + timedelta(days=1)
            if now.month in (3, 4):
                live.now, already = now, len(feed.sent)
                live._rollouts = Rollouts(feed, already + 70)
                live.roll_out(run())
                ahead = feed.sent[already:]["row_id"]
                assert len(ahead) >= 70
                # Those after the day of the look, from the first that was not sent yet.
                first = min(int(name.removeprefix("loan-")) for name in ahead)
                assert START + timedelta(days=first) > now
                assert sorted(int(n.removeprefix("loan-")) for n in ahead) == list(range(first, first + len(ahead)))
    assert came == 366
    require_whole(feed, came)
    assert sum(n for _, n in served.answered) == 366
    assert traffic.after(date(2004, 12, 1)).filter(~pl.col("row_id").is_in(feed.sent["row_id"].implode())).is_empty()


def test_no_loan_comes_after_the_last_day(sba, tmp_path: Path) -> None:
    traffic = Traffic(a_year(sba), Feed("http://127.0.0.1:9/x", FIELDS, (), tmp_path / "log.db"), date(2004, 6, 30))
    assert traffic.after(date(2004, 5, 31))["event_time"].to_list() == [date(2004, 6, d) for d in range(1, 31)]
    traffic.ahead = {f"loan-{i}" for i in range(170)}
    assert traffic.after(date(2004, 5, 31))["row_id"][0] == "loan-170"
    assert traffic.after(date(2004, 6, 30)).is_empty()


def test_a_lost_loan_or_one_sent_twice_is_refused(tmp_path: Path) -> None:
    feed = Feed("http://127.0.0.1:9/x", FIELDS, (), tmp_path / "log.db")
    require_whole(feed, 0)
    one = pl.DataFrame({"row_id": ["a", "b"], "request_id": ["r", "r"], "row": pl.Series([0, 1], dtype=pl.Int64)})
    feed._sent = [one]
    require_whole(feed, 2)
    with pytest.raises(FairleadError, match="3 loans came and 2 were sent, 2 of them once"):
        require_whole(feed, 3)
    feed._sent = [one, one[:1]]
    with pytest.raises(FairleadError, match="3 loans came and 3 were sent, 2 of them once"):
        require_whole(feed, 3)


@pytest.fixture
def memory(settings, register, variant, monkeypatch):
    """Version 1 reigns and version 2 is to be rolled out, on a plane that serves nothing and has seen nothing."""
    register(variant("one"))
    asked = Registry(settings).request("sba_loans", 1)
    stage.approvals.approve(settings, asked.id, "the first one")
    Registry(settings).promote("sba_loans", 1, asked.id)
    register(variant("two"))

    def observe(_state: object) -> Observation:
        return Observation(at=datetime.now(UTC))

    made = Machinery(MemoryPlane(), observe, lambda: None, lambda: None, "")
    monkeypatch.setattr(rollout_start, "machinery", lambda *_: made)
    monkeypatch.setattr(stage, "RATE", 500.0)
    monkeypatch.setattr(stage, "PLAN", PLAN.model_copy(update={"look_seconds": 0.01}))
    return settings


def test_a_rollout_without_a_verdict_is_aborted_in_time(sba, memory, tmp_path, monkeypatch) -> None:
    """The real engine would wait for ever on a plane that sees no request. Loans come while it has traffic alone."""
    monkeypatch.setattr(stage, "PATIENCE", 0.5)
    said: list[str] = []
    with server(well) as (url, _):
        feed = Feed(url, FIELDS, (), tmp_path / "log.db")
        live = LiveRollouts(memory, Traffic(a_year(sba), feed, date(2004, 12, 31)), said.append, START)
        assert live.rollout(run()).state == "absent"
        assert not live._is_shared("k")
        live.roll_out(run())
        assert not live._is_shared("k")
    found = live.rollout(run())
    assert found.state == "rolled_back"
    assert "no verdict within 0.5 s" in found.reason
    assert live.traffic.ahead == set(feed.sent["row_id"]) != set()
    # After the verdict nothing more is asked for.
    live._abort("k")
    assert history.read(store_of(memory), "k").wishes == ()


def test_the_plan_waits_for_no_outcome() -> None:
    assert PLAN.use_case == "sba_loans"
    assert not [m for m in PLAN.metrics if "loss" in m.name or "calibration" in m.name]
