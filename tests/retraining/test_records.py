import sqlite3
from contextlib import closing
from datetime import date

import pytest

from components.core.errors import FairleadError
from components.retraining.records import NEXT, Records
from components.retraining.values import ENDED, Run
from tests.retraining.world import DAY, decision


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "home" / "retraining.db")


def run(key="k1", use_case="sba_loans", after=""):
    return Run(key=key, use_case=use_case, decision=decision(key, after=after), champion="1", state="decided")


def test_nothing_is_written_to_look(records):
    assert records.runs() == records.steps("k1") == []
    assert not records.path.exists()


def test_a_run_goes_from_state_to_state(records):
    assert records.decide(run(), DAY) == run()
    records.step("k1", "started", DAY)
    reached = records.step("k1", "registered", date(2005, 7, 1), "2", "all gates passed")
    assert (reached.version, reached.reason) == ("2", "all gates passed")
    assert records.step("k1", "registered", date(2005, 7, 9), "3") == reached
    assert records.step("k1", "rolling_out", DAY).version == "2"
    assert [(s.state, s.day, s.version) for s in records.steps("k1")][2] == ("registered", date(2005, 7, 1), "2")
    assert records.run("k1") == records.runs()[0] == records.runs("sba_loans")[0]
    assert records.runs("wafer") == []


def test_one_run_of_a_use_case_at_a_time(records):
    records.decide(run("k1"), DAY)
    assert records.decide(run("k2"), DAY).key == "k1"
    assert records.decide(run("k3", "wafer"), DAY).key == "k3"
    records.step("k1", "given_up", DAY)
    assert records.decide(run("k2"), DAY).key == "k1", "it was decided without knowing of k1"
    assert records.decide(run("k2", after="k1"), DAY).key == "k2"
    assert records.decide(run("k1"), DAY).state == "given_up"
    assert [r.key for r in records.runs()] == ["k1", "k3", "k2"]


def test_a_state_that_may_not_follow_is_refused(records):
    records.decide(run(), DAY)
    with pytest.raises(FairleadError, match="run k1 is decided and cannot become promoted; allowed: started, given_up"):
        records.step("k1", "promoted", DAY)
    with pytest.raises(FairleadError, match="unknown training run 'k9'; allowed: k1"):
        records.step("k9", "started", DAY)
    with pytest.raises(FairleadError, match="unknown training run 'k9'; allowed: k1"):
        records.run("k9")


def test_decisions_to_wait_are_kept_too_and_the_same_in_a_row_once(records):
    assert records.decisions("sba_loans") == []
    wait, go = decision("k1", "wait"), decision("k1")
    for of in (wait, wait, go, wait):
        records.note("sba_loans", of)
    records.note("wafer", go)
    assert records.decisions("sba_loans") == [wait, go, wait]
    assert records.runs() == []


def test_every_state_has_its_followers_or_has_ended():
    assert {s for following in NEXT.values() for s in following} == (NEXT.keys() - {"decided"}) | set(ENDED)
    assert not NEXT.keys() & set(ENDED)


@pytest.mark.parametrize("change", ["UPDATE steps SET state = 'promoted'", "DELETE FROM steps"])
def test_what_was_recorded_stays(records, change):
    records.decide(run(), DAY)
    with closing(sqlite3.connect(records.path)) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(change)
