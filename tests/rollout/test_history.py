import pytest

from components.core.errors import FairleadError
from components.rollout import history as histories
from components.rollout.decide import decide
from components.rollout.store import Overtaken, SqliteStore
from tests.rollout.looks import START, look, plan, rollout


@pytest.fixture
def store(tmp_path):
    return SqliteStore(tmp_path / "rollouts.db")


def looked(store, history, seen, error=""):
    decision = decide(history.rollout.plan, history.state, seen)
    return histories.record_look(store, history, seen, decision, error)


def asked(store, kind):
    return histories.record_wish(store, "sba-1", {"kind": kind, "actor": "olga", "reason": ""}, START)


def test_a_start_is_read_back(store):
    started = histories.start(store, rollout(plan()))
    assert (started.rollout, started.last, started.look, started.settled) == (rollout(plan()), 1, None, False)
    assert started.state.phase == "starting"
    assert histories.read(store, "sba-1") == started


def test_what_was_recorded_is_what_is_read_at_once_or_bit_by_bit(store):
    early = following = histories.start(store, rollout(plan()))
    following = looked(store, following, look(1), "blind")
    following = histories.record_failure(store, following, START, "no proxy")
    asked(store, "pause")
    following = histories.follow(following, store)
    assert following == histories.read(store, "sba-1") == histories.follow(early, store)
    assert (following.failure, [w.kind for w in following.wishes]) == ("no proxy", ["pause"])
    assert following.look.error == "blind"
    following = looked(store, following, look(2, 50, wish=following.wishes[0]))
    assert (following.failure, following.wishes, following.state.phase) == ("", (), "paused")
    assert following.answer == following.look == histories.read(store, "sba-1").answer
    assert histories.record_settled(store, following, START).settled
    assert [found.decision.kind for found in histories.looks(store, "sba-1")] == ["begin", "pause"]


def test_wishes_wait_in_line(store):
    history = histories.start(store, rollout(plan()))
    assert [asked(store, kind) for kind in ("pause", "resume")] == [2, 3]
    history = histories.follow(history, store)
    history = looked(store, history, look(1, wish=history.wishes[0]))
    assert [w.kind for w in history.wishes] == ["resume"]


def test_the_same_failure_in_a_row_is_recorded_once(store):
    history = histories.start(store, rollout(plan()))
    history = histories.record_failure(store, history, START, "no proxy")
    assert histories.record_failure(store, history, START, "no proxy") == history
    assert histories.record_failure(store, history, START, "no disk").last == history.last + 1


def test_who_read_before_another_wrote_decides_nothing(store):
    history = histories.start(store, rollout(plan()))
    asked(store, "abort")
    with pytest.raises(Overtaken):
        looked(store, history, look(1))


def test_a_rollout_that_is_not_there_is_told_with_those_that_are(store):
    histories.start(store, rollout(plan()))
    with pytest.raises(FairleadError, match="unknown rollout 'x'; allowed: sba-1"):
        histories.read(store, "x")


def test_two_rollouts_do_not_fight_over_the_traffic(store):
    first = histories.start(store, rollout(plan()))
    second = rollout(plan()).model_copy(update={"id": "sba-2"})
    with pytest.raises(FairleadError, match="rollout sba-1 of sba_loans is starting and not over"):
        histories.start(store, second)
    histories.record_settled(store, first, START)
    assert histories.start(store, second).last == 1
    elsewhere = rollout(plan(use_case="other"))
    with pytest.raises(FairleadError, match="there is a rollout sba-1 already"):
        histories.start(store, elsewhere)


def test_nothing_can_be_wished_of_what_is_over(store):
    history = histories.start(store, rollout(plan()))
    asked(store, "abort")
    history = histories.follow(history, store)
    looked(store, history, look(1, wish=history.wishes[0]))
    with pytest.raises(FairleadError, match="rollout sba-1 is over: aborted"):
        asked(store, "promote")


def test_a_wish_has_to_be_one_of_the_known(store):
    histories.start(store, rollout(plan()))
    with pytest.raises(ValueError, match="'pause', 'resume', 'promote' or 'abort'"):
        asked(store, "hurry")
