"""A store that fails: the traffic goes to the stable model, once, and nobody is sent to and fro."""

import sqlite3

import pytest

from components.rollout import history as histories
from components.rollout.fallback import LOST, MOST_FAILED
from components.rollout.store import SqliteStore
from components.rollout.traffic import Traffic
from tests.rollout.world import World


@pytest.fixture
def world(tmp_path, monkeypatch):
    connect = sqlite3.connect
    quick = "PRAGMA synchronous = OFF"  # nobody pulls the plug here
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: (db := connect(*a, **k), db.execute(quick))[0])
    return World(tmp_path / "w")


class Lossy(SqliteStore):
    """Takes nothing, or lets nothing be read, while it is broken."""

    broken = ""

    def record(self, event):
        if self.broken:
            raise sqlite3.OperationalError("database or disk is full")
        super().record(event)

    def events(self, a_rollout, after=0):
        if self.broken == "read":
            raise sqlite3.DatabaseError("database disk image is malformed")
        return super().events(a_rollout, after)


def failing(world, broken, times):
    """Attempt so many looks with a store that fails."""
    store = Lossy(world.store.path)
    controller = world.controller(store=store)
    controller.attempt()
    assert world.plane.current() == Traffic(candidate=5)
    store.broken = broken
    for _ in range(times):
        assert not controller.attempt()
    return store, controller


@pytest.mark.parametrize("broken", ["write", "read"])
def test_a_record_that_cannot_be_kept_gives_all_to_the_stable_model_once_and_for_good(world, broken):
    store, controller = failing(world, broken, MOST_FAILED - 1)
    assert world.plane.current() == Traffic(candidate=5)
    assert not controller.attempt()
    assert world.plane.current() == Traffic()
    (told,) = world.ledger.entries(LOST)
    assert told.payload["reason"].startswith("10 looks in a row could not be recorded, so the traffic was put to the")
    for number in range(9):  # the store comes and goes: the traffic does not
        store.broken = broken if number % 3 else ""
        controller.attempt()
        assert world.plane.current() == Traffic()
    found = histories.read(world.store, "sba-1")
    assert (found.state.phase, found.settled) == ("rolled_back", True)
    assert "looks in a row could not be recorded" in found.state.reason


def test_another_controller_learns_from_the_ledger_that_the_record_was_lost(world):
    failing(world, "write", MOST_FAILED)
    world.controller().look()
    assert (world.phase, len(world.plane.lines())) == ("rolled_back", 3)


def test_failures_that_do_not_last_move_nothing(world):
    store, controller = failing(world, "write", MOST_FAILED - 1)
    store.broken = ""
    assert controller.attempt()
    store.broken = "write"
    for _ in range(MOST_FAILED - 1):
        controller.attempt()
    assert world.plane.current() == Traffic(candidate=25)
    assert world.ledger.entries(LOST) == []


def test_who_only_waits_in_line_moves_no_traffic(world):
    world.controller(holder="a/x").look()
    waiting = world.controller(holder="b/x", store=(store := Lossy(world.store.path)))
    assert not waiting.attempt()
    store.broken = "read"
    for _ in range(2 * MOST_FAILED):
        waiting.attempt()
    assert world.plane.current() == Traffic(candidate=5)


def test_a_lost_record_sends_nobody_to_a_model_that_cannot_answer(world):
    world.plane.well = {"stable": True, "candidate": True}
    _, controller = failing(world, "write", MOST_FAILED - 1)
    world.plane.well = {"stable": False, "candidate": True}
    for _ in range(5):
        controller.attempt()
    assert world.plane.current() == Traffic(candidate=5)
    world.plane.well = {"stable": True, "candidate": True}
    controller.attempt()
    assert world.plane.current() == Traffic()


def test_looks_that_see_nothing_are_recorded_and_move_nothing(world):
    world.controller().look()
    world.observe = lambda _state: 1 / 0
    controller = world.controller()
    for _ in range(2 * MOST_FAILED):
        assert controller.attempt()
    assert (world.phase, world.plane.current()) == ("running", Traffic(candidate=5))
