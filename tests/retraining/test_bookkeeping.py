from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.ledger import Ledger
from components.monitoring.exported import STATES
from components.registry.approvals import PROMOTED
from components.retraining.bookkeeping import (
    by_state,
    challenges,
    labels_between,
    last_training,
    past,
    reigns,
    standing,
)
from components.retraining.records import Records
from components.retraining.values import Run
from components.rollout import history
from components.rollout.decide import decide
from components.rollout.state import Observation
from components.rollout.store import SqliteStore
from tests.retraining.world import World, decision, to_the_end
from tests.rollout.looks import START, WELL, plan, rollout

NOW = date(2006, 12, 31)


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "retraining.db")


def run_until(records, key, as_of, *states, version="", reason=""):
    of = decision(key, as_of=as_of, after=next((r.key for r in reversed(records.runs())), ""))
    records.decide(Run(key=key, use_case="sba_loans", decision=of, champion="1", state="decided"), as_of)
    for state in states:
        records.step(key, state, as_of, version if state == "registered" else "", reason)


def table(*rows):
    schema = {"event_time": pl.Date, "outcome": pl.Int64, "outcome_time": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_labels_become_known_when_a_row_turns_bad_or_its_time_is_over():
    event = date(2003, 1, 1)
    rows = table(
        (event, 1, date(2004, 6, 1)),  # bad from then on
        (event, 1, date(2006, 6, 1)),  # turned bad after its time: good from the day it matures
        (event, 0, None),  # good from the day it matures
        (event, None, None),  # nobody told
        (date(2006, 1, 1), 0, None),  # its time still runs
        (date(2007, 1, 1), 1, date(2006, 1, 1)),  # has not happened yet
    )
    counts = [labels_between(rows, 36, None, day) for day in (date(2004, 5, 31), date(2004, 6, 1), date(2006, 1, 1))]
    assert counts == [0, 1, 3]
    assert labels_between(rows, 36, date(2004, 6, 1), NOW) == 2


def test_a_good_outcome_that_is_told_late_is_a_label_from_then_on():
    rows = table((date(2003, 1, 1), 0, None)).with_columns(known_on=pl.lit(date(2006, 5, 1)))
    assert labels_between(rows, 36, None, date(2006, 4, 30)) == 0
    assert labels_between(rows, 36, None, date(2006, 5, 1)) == 1
    early = rows.with_columns(known_on=pl.lit(date(2003, 5, 1)))
    assert labels_between(early, 36, None, date(2005, 12, 31)) == 0


days = st.dates(date(2000, 1, 1), date(2008, 1, 1))
loans = st.lists(st.tuples(days, st.sampled_from([0, 1, None]), days), max_size=15)


@given(loans, days, days, days)
def test_what_is_known_between_adds_up(made, one, two, three):
    first, second, third = sorted([one, two, three])
    rows = table(*[(event, outcome, when if outcome == 1 else None) for event, outcome, when in made])
    rows = rows.filter(pl.col("outcome_time").is_null() | (pl.col("outcome_time") >= pl.col("event_time")))
    parts = labels_between(rows, 12, first, second) + labels_between(rows, 12, second, third)
    assert parts == labels_between(rows, 12, first, third)


def test_the_past_knows_training_dates_labels_and_what_runs(records, sba):
    rows = table((date(2003, 1, 1), 0, None), (date(2002, 1, 1), 0, None))
    run_until(records, "k1", date(2005, 3, 31), "started", "stopped")
    run_until(records, "k2", date(2005, 6, 30), "given_up")  # was never started
    run_until(records, "k3", date(2005, 9, 30), "started", "registered", "rolling_out")
    found = past(records, sba, rows, NOW, champion_as_of=date(2003, 12, 31))
    assert found.trained == (date(2003, 12, 31), date(2005, 3, 31), date(2005, 9, 30))
    assert (found.new_labels, found.running, found.newest) == (1, "k3", "k3")
    early = past(records, sba, rows, date(2005, 2, 1), champion_as_of=date(2003, 12, 31))
    assert (early.trained, early.new_labels) == ((date(2003, 12, 31),), 1)


def test_without_a_champion_and_runs_every_label_is_new(records, sba):
    found = past(records, sba, table((date(2003, 1, 1), 0, None)), NOW)
    assert (found.trained, found.new_labels, found.running, found.newest) == ((), 1, "", "")


@pytest.fixture
def rollouts(tmp_path):
    return SqliteStore(tmp_path / "rollouts.db")


def test_a_rollout_that_somebody_else_started_is_running_too(records, sba, rollouts):
    assert past(records, sba, table(), NOW, rollouts=rollouts).running == ""
    known = history.start(rollouts, rollout(plan()))
    assert past(records, sba, table(), NOW, rollouts=rollouts).running == "rollout sba-1"
    history.record_settled(rollouts, known, START)
    assert past(records, sba, table(), NOW, rollouts=rollouts).running == ""


def test_challengers_are_told_with_what_became_of_them_and_why(records):
    run_until(records, "k1", date(2005, 3, 31), "started", "stopped", reason="stopped by auc_floor")
    steps = ("started", "registered", "rolling_out", "rolled_back")
    run_until(records, "k2", date(2005, 6, 30), *steps, version="2", reason="log_loss is worse")
    run_until(records, "k3", date(2005, 9, 30), *steps[:3], "promoted", version="3")
    run_until(records, "k4", date(2005, 12, 31), "started")
    told = [(c.key, c.outcome, c.version, c.why) for c in challenges(records, "sba_loans")]
    assert told == [
        ("k1", "lost", "", "stopped: stopped by auc_floor"),
        ("k2", "lost", "2", "rolled back: log_loss is worse"),
        ("k3", "won", "3", "promoted"),
        ("k4", "open", "", "started"),
    ]
    assert [c.against for c in challenges(records, "sba_loans")] == ["1"] * 4
    assert challenges(records, "wafer") == []


def test_runs_are_counted_for_the_exporter_which_knows_every_state(records):
    assert (last_training(records, "sba_loans"), set(by_state(records, "sba_loans").values())) == (None, {0})
    run_until(records, "k1", date(2005, 3, 31), "started", "stopped")
    run_until(records, "k2", date(2005, 6, 30), "started", "failed")
    run_until(records, "k3", date(2005, 9, 30), "started", "failed")
    counted = by_state(records, "sba_loans")
    assert {state: n for state, n in counted.items() if n} == {"stopped": 1, "failed": 2}
    assert last_training(records, "sba_loans") == date(2005, 9, 30)
    assert tuple(counted) == STATES


def test_reigns_follow_one_another(tmp_path):
    world = World(tmp_path / "w")
    assert reigns(world.records, world.ledger, "sba_loans") == []
    promoted(world.ledger, 1)
    to_the_end(world.trigger(), decision())
    promoted(world.ledger, 2)
    promoted(world.ledger, 1, "wafer")
    first, second = reigns(world.records, world.ledger, "sba_loans")
    assert (first.version, first.since, first.until, first.key) == ("1", None, date(2005, 6, 30), "")
    assert (second.version, second.since, second.until, second.key) == ("2", date(2005, 6, 30), None, "k1")
    assert first.promoted_at <= second.promoted_at


def promoted(ledger: Ledger, version: int, use_case: str = "sba_loans") -> None:
    ledger.append(PROMOTED, {"use_case": use_case, "version": version}, "anna")


def test_who_is_what_at_present(rollouts):
    aliases = {"champion": "1", "challenger": "2", "latest": "9"}
    found = standing(aliases, rollouts, "sba_loans")
    assert (found.champion, found.challenger, found.archived, found.shadow) == ("1", "2", "", "")
    known = history.start(rollouts, rollout(plan("shadow")))
    seen = Observation(at=START + timedelta(minutes=1), healthy=WELL)
    history.record_look(rollouts, known, seen, decide(known.rollout.plan, known.state, seen), "")
    assert standing(aliases, rollouts, "sba_loans").shadow == "2"
