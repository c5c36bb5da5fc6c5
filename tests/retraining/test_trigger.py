import os
import random
import signal
import sqlite3
import time
from datetime import date

import pytest

from components.core.errors import FairleadError
from components.retraining.values import Progress
from tests.retraining.world import DAY, World, child, decision, die_at, to_the_end


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "w")


def kinds(world):
    return [e.kind for e in world.ledger.entries()]


def test_a_decision_becomes_a_run_and_is_followed_to_its_end(world):
    trigger = world.trigger()
    assert trigger.fire("sba_loans", "1", decision(), DAY).state == "started"
    assert trigger.advance("sba_loans", DAY).state == "rolling_out"
    run = trigger.advance("sba_loans", date(2005, 7, 1))
    assert (run.state, run.version, run.champion) == ("promoted", "2", "1")
    assert run.reason == "the end of rollout k1 2"
    states = ["decided", "started", "registered", "rolling_out", "promoted"]
    assert kinds(world) == [f"retraining.{state}" for state in states]
    assert [(s.state, s.day.day) for s in world.records.steps("k1")][-2:] == [("rolling_out", 30), ("promoted", 1)]
    first, *_, last = world.ledger.entries()
    assert first.payload["decision"] == decision().model_dump(mode="json")
    assert (last.payload["key"], last.payload["version"], last.actor) == ("k1", "2", "anna")


@pytest.mark.parametrize("end", ["stopped", "failed"])
def test_a_run_that_a_gate_stopped_or_that_broke_is_not_rolled_out(tmp_path, end):
    world = World(tmp_path / "w", ends=end)
    run = to_the_end(world.trigger(), decision())
    assert (run.state, run.reason) == (end, "the end of training k1")
    assert [line for line in world.runner.lines() if line.startswith("rollout")] == []


def test_fired_twice_is_fired_once(world):
    trigger = world.trigger()
    for _ in range(3):
        to_the_end(trigger, decision())
        to_the_end(world.trigger(), decision())
    assert world.runner.started() == ["training k1"]
    assert len(world.ledger.entries()) == world.ledger.verify() == 5


def test_another_run_waits_until_the_first_has_ended(world):
    trigger = world.trigger()
    trigger.fire("sba_loans", "1", decision("k1"), DAY)
    assert trigger.fire("sba_loans", "1", decision("k2"), DAY).key == "k1"
    assert trigger.fire("wafer", "1", decision("k3"), DAY).key == "k3"
    to_the_end(trigger, decision("k1"))
    assert trigger.fire("sba_loans", "1", decision("k2"), DAY).key == "k1", "it was decided without knowing of k1"
    assert to_the_end(trigger, decision("k2", after="k1")).key == "k2"
    assert world.runner.started() == ["training k1", "training k3", "training k2"]


def test_a_decision_to_wait_starts_nothing(world):
    with pytest.raises(FairleadError, match="is to wait; only one to retrain starts a run"):
        world.trigger().fire("sba_loans", "1", decision(action="wait"), DAY)
    assert world.trigger().advance("sba_loans", DAY) is None


def test_a_run_can_be_given_up_and_another_follows(world):
    trigger = world.trigger()
    trigger.fire("sba_loans", "1", decision("k1"), DAY)
    ended = trigger.give_up("k1", DAY, "the cluster is gone")
    assert (ended.state, ended.reason) == ("given_up", "anna: the cluster is gone")
    assert kinds(world)[-1] == "retraining.given_up"
    with pytest.raises(FairleadError, match="allowed: none, it has ended"):
        world.records.step("k1", "registered", DAY)
    assert trigger.fire("sba_loans", "1", decision("k2", after="k1"), DAY).key == "k2"


class Forgetful:
    """Takes a run and knows nothing of it."""

    def start(self, _run):
        """Do nothing."""

    def status(self, _run):
        return Progress(state="absent")


class Down(Forgetful):
    def start(self, _run):
        raise FairleadError("no endpoint")


def test_what_cannot_be_started_is_told_and_tried_again(world):
    with pytest.raises(FairleadError, match="no endpoint"):
        world.trigger(runner=Down()).fire("sba_loans", "1", decision(), DAY)
    with pytest.raises(FairleadError, match="its runner knows nothing of it"):
        world.trigger(runner=Forgetful()).advance("sba_loans", DAY)
    assert to_the_end(world.trigger(), decision()).state == "promoted"
    assert world.runner.started() == ["training k1"]


@pytest.fixture
def unsynced(monkeypatch):
    """Let SQLite not wait for the disk: what a killed process wrote is safe with the kernel."""
    connect = sqlite3.connect

    def quick(*args, **kwargs):
        db = connect(*args, **kwargs)
        db.execute("PRAGMA synchronous = OFF")
        return db

    monkeypatch.setattr(sqlite3, "connect", quick)
    return True


ENDS = {"rolled back": {"rollout_ends": "rolled_back"}, "stopped by a gate": {"ends": "stopped"}}


def test_killed_between_any_two_steps_it_trains_once_and_ends_as_if_it_never_had_been(tmp_path, unsynced):
    """Every point at which something was written or asked, one after the other, until none is left."""
    assert unsynced
    for name, ends in ENDS.items():
        expected = World(tmp_path / name, **ends)
        to_the_end(expected.trigger(), decision())
        for point in range(1, 1000):
            world = World(tmp_path / f"{name}-{point}", **ends)
            _, status = os.waitpid(child(lambda w=world, p=point: to_the_end(w.trigger(die_at(p)), decision())), 0)
            if not os.WIFSIGNALED(status):
                assert point > 15
                break
            to_the_end(world.trigger(), decision())
            assert world.told() == expected.told()
            assert len(world.runner.started()) == 1
            assert world.ledger.verify() == expected.ledger.verify()


def test_killed_again_and_again_at_random_times_it_trains_once(tmp_path, unsynced):
    assert unsynced
    expected = World(tmp_path / "unkilled", looks=4)
    to_the_end(expected.trigger(), decision())
    chance = random.Random(4)  # noqa: S311
    killed = 0
    for number in range(1000):
        world, tries = World(tmp_path / f"killed-{number}", looks=4), 0
        while True:
            pid = child(lambda w=world: to_the_end(w.trigger(), decision()))
            # Longer and longer, so that it comes to its end on a busy machine too.
            time.sleep(chance.uniform(0, 0.015 * (1 + tries)))
            tries += 1
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if not os.WIFSIGNALED(status):
                assert status == 0
                break
            killed += 1
        assert world.told() == expected.told()
        if killed >= 30:
            return
    pytest.fail(f"too few kills: {killed}")


def test_of_many_watchers_at_once_one_trains(tmp_path):
    """Six processes let go at one moment, three of them with decisions of their own that know of no other."""
    world = World(tmp_path / "w", looks=3)
    gate, opener = os.pipe()

    def watch(key):
        os.close(opener)
        os.read(gate, 1)
        to_the_end(world.trigger(), decision(key))

    pids = [child(lambda key=key: watch(key)) for key in ("k1", "k2", "k1", "k3", "k1", "k4")]
    os.close(gate)
    os.close(opener)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 6
    (run,) = world.records.runs()
    assert (world.runner.started(), run.state) == ([f"training {run.key}"], "promoted")
    assert world.ledger.verify() == 5


def test_a_watcher_that_is_held_up_loses_its_lease_to_nobody(world):
    """Stopped between asking and starting, for however long; the other one starts nothing, and so it starts it once."""

    def stop_before_start():
        if world.records.run("k1").state == "started" and not world.runner.started():
            os.kill(os.getpid(), signal.SIGSTOP)

    class Held:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            if name == "start":
                stop_before_start()
            return getattr(self.inner, name)

    pid = child(lambda: to_the_end(world.trigger(runner=Held(world.runner)), decision()))
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert world.trigger().fire("sba_loans", "1", decision(), DAY).state == "started"
    assert world.trigger().advance("sba_loans", DAY).state == "started"
    with pytest.raises(FairleadError, match="another process is carrying run k1 on"):
        world.trigger().give_up("k1", DAY, "in vain")
    assert world.runner.started() == []
    os.kill(pid, signal.SIGCONT)
    assert os.waitpid(pid, 0)[1] == 0
    assert world.runner.started() == ["training k1"]


def test_the_lease_of_a_dead_watcher_is_free_at_once(world):
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    class Deadly:
        def status(self, _run):
            die()

    os.waitpid(child(lambda: world.trigger(runner=Deadly()).fire("sba_loans", "1", decision(), DAY)), 0)
    assert world.records.run("k1").state == "started"
    assert world.trigger().advance("sba_loans", DAY).state == "started"
    assert world.runner.started() == ["training k1"]
