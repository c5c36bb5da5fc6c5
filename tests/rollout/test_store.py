"""What every store of rollouts has to do; an implementation joins by a line in STORES."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.rollout.kubernetes_store import KubernetesStore
from components.rollout.store import Event, Overtaken, SqliteStore, Store, this_process
from tests.registry.conftest import run_at_once
from tests.rollout.kubernetes_api import model_rollout, serving
from tests.rollout.looks import START

FIRST, OTHER = "r.0b7c1f2e", "other.1b7c1f2e"


@contextmanager
def _sqlite(folder: Path) -> Iterator[Store]:
    yield SqliteStore(folder / "new" / "rollouts.db")


@contextmanager
def _kubernetes(_: Path) -> Iterator[Store]:
    with serving() as (api, objects):
        for hour, rollout in enumerate((FIRST, OTHER)):
            name, _, uid = rollout.partition(".")
            made = model_rollout(name, uid)
            made["metadata"]["creationTimestamp"] = f"2026-03-01T0{hour}:00:00Z"
            api.put("modelrollouts", made)
        yield KubernetesStore(objects)


STORES = {"sqlite": _sqlite, "kubernetes": _kubernetes}

BEGINS = {"sqlite": 0, "kubernetes": 1}
"""Events that are there before the first is recorded: in a cluster the object itself is the start."""


@pytest.fixture(params=sorted(STORES))
def kind(request):
    return request.param


@pytest.fixture
def store(kind, tmp_path):
    with STORES[kind](tmp_path) as made:
        yield made


@pytest.fixture
def n(kind):
    """Numbers events on from those that are there."""
    return lambda sequence: sequence + BEGINS[kind]


def event(sequence, rollout=FIRST, **payload):
    return Event(rollout=rollout, sequence=sequence, at=START, kind="looked", payload=payload)


def test_a_rollout_that_is_not_known_has_no_events(store):
    assert store.events("nobody.00000000") == []


def test_an_empty_file_knows_nothing(tmp_path):
    assert SqliteStore(tmp_path / "rollouts.db").rollouts() == []


def test_events_come_back_in_order_and_from_where_one_was(store, n):
    made = [event(n(i), number=i, text="é", endless=float("inf")) for i in (1, 2, 3)]
    for e in made:
        store.record(e)
    store.record(event(n(1), OTHER))
    assert store.events(FIRST, after=n(0)) == made
    assert store.events(FIRST, after=n(2)) == made[2:]
    assert store.events(FIRST, after=n(3)) == []
    assert store.rollouts() == [FIRST, OTHER]


def test_two_cannot_both_be_next(store, n):
    store.record(event(n(1)))
    with pytest.raises(Overtaken, match=f"has an event {n(1)} already, of {n(1)}; read on"):
        store.record(event(n(1), other=True))
    assert store.events(FIRST, after=n(0)) == [event(n(1))]


def test_no_event_may_be_left_out(store, n):
    with pytest.raises(FairleadError, match=f"has {n(0)} events, {n(2)} cannot be the next"):
        store.record(event(n(2)))


def test_of_many_writers_at_once_one_is_next(store, n):
    def write(number):
        def call():
            try:
                store.record(event(n(1), writer=number))
            except Overtaken:
                return

        return call

    run_at_once(*(write(n) for n in range(4)))
    assert len(store.events(FIRST, after=n(0))) == 1


def test_one_holds_the_right_until_it_runs_out(store):
    def asks(who, after):
        return store.hold(FIRST, who, START + timedelta(seconds=after), 30)

    assert asks("a/x", 0)
    assert not asks("b/x", 29)
    assert asks("a/x", 29)
    assert not asks("b/x", 58)
    assert asks("b/x", 59)
    assert not asks("a/x", 60)
    assert store.hold(OTHER, "a/x", START, 30)


def test_who_is_done_lets_go_and_others_cannot(store):
    assert store.hold(FIRST, "a/x", START, 30)
    store.release(FIRST, "b/x")
    assert not store.hold(FIRST, "b/x", START, 30)
    store.release(FIRST, "a/x")
    assert store.hold(FIRST, "b/x", START, 30)


def test_the_right_ends_with_the_process_that_held_it(tmp_path):
    store = SqliteStore(tmp_path / "rollouts.db")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if store.hold(FIRST, this_process(), START, 3600) else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    assert store.hold(FIRST, this_process(), START, 3600)
    assert not store.hold(FIRST, "elsewhere/1", START, 3600), "this very process is alive and holds it"


def test_a_record_in_the_file_cannot_be_changed(tmp_path):
    store = SqliteStore(tmp_path / "rollouts.db")
    store.record(event(1))
    for change in ("UPDATE events SET kind = 'settled'", "DELETE FROM events"):
        with sqlite3.connect(store.path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(change)
        db.close()
