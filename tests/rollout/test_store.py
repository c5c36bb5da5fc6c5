"""What every store of rollouts has to do; an implementation joins by a line in STORES."""

import os
import sqlite3
from datetime import timedelta

import pytest

from components.core.errors import FairleadError
from components.rollout.store import Event, Overtaken, SqliteStore, this_process
from tests.registry.conftest import run_at_once
from tests.rollout.looks import START

STORES = {"sqlite": lambda folder: SqliteStore(folder / "new" / "rollouts.db")}


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    return STORES[request.param](tmp_path)


def event(sequence, rollout="r", **payload):
    return Event(rollout=rollout, sequence=sequence, at=START, kind="looked", payload=payload)


def test_an_empty_store_knows_nothing(store):
    assert store.rollouts() == []
    assert store.events("r") == []


def test_events_come_back_in_order_and_from_where_one_was(store):
    made = [event(n, number=n, text="é", endless=float("inf")) for n in (1, 2, 3)]
    for e in made:
        store.record(e)
    store.record(event(1, "other"))
    assert store.events("r") == made
    assert store.events("r", after=2) == made[2:]
    assert store.events("r", after=3) == []
    assert store.rollouts() == ["r", "other"]


def test_two_cannot_both_be_next(store):
    store.record(event(1))
    with pytest.raises(Overtaken, match="rollout r has an event 1 already, of 1"):
        store.record(event(1, other=True))
    assert store.events("r") == [event(1)]


def test_no_event_may_be_left_out(store):
    with pytest.raises(FairleadError, match="rollout r has 0 events, 2 cannot be the next"):
        store.record(event(2))


def test_of_many_writers_at_once_one_is_next(store):
    def write(number):
        def call():
            try:
                store.record(event(1, writer=number))
            except Overtaken:
                return

        return call

    run_at_once(*(write(n) for n in range(4)))
    assert len(store.events("r")) == 1


def test_one_holds_the_right_until_it_runs_out(store):
    def asks(who, after):
        return store.hold("r", who, START + timedelta(seconds=after), 30)

    assert asks("a/x", 0)
    assert not asks("b/x", 29)
    assert asks("a/x", 29)
    assert not asks("b/x", 58)
    assert asks("b/x", 59)
    assert not asks("a/x", 60)
    assert store.hold("other", "a/x", START, 30)


def test_who_is_done_lets_go_and_others_cannot(store):
    assert store.hold("r", "a/x", START, 30)
    store.release("r", "b/x")
    assert not store.hold("r", "b/x", START, 30)
    store.release("r", "a/x")
    assert store.hold("r", "b/x", START, 30)


def test_the_right_ends_with_the_process_that_held_it(store):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if store.hold("r", this_process(), START, 3600) else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    assert store.hold("r", this_process(), START, 3600)
    assert not store.hold("r", "elsewhere/1", START, 3600), "this very process is alive and holds it"


def test_a_record_in_the_file_cannot_be_changed(tmp_path):
    store = STORES["sqlite"](tmp_path)
    store.record(event(1))
    for change in ("UPDATE events SET kind = 'settled'", "DELETE FROM events"):
        with sqlite3.connect(store.path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(change)
        db.close()
