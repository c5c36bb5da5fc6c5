import os
import random
import signal
import sqlite3
import time
from datetime import timedelta

import pytest

from components.core.errors import FairleadError
from components.rollout import history as histories
from components.rollout.controller import DECIDED, STARTED
from components.rollout.traffic import Traffic
from tests.rollout.acting import FilePlane, FilePromotion
from tests.rollout.looks import plan
from tests.rollout.world import World, script, until_settled


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "w")


def test_a_look_is_recorded_with_its_numbers_and_then_brought_about(world):
    controller = world.controller()
    assert controller.look()
    (found,) = histories.looks(world.store, "sba-1")
    assert (found.decision.kind, found.observation.requests) == ("begin", {"stable": 0, "candidate": 0})
    assert world.plane.lines() == ['{"candidate":5,"mirror":null}']
    until_settled(controller)
    weights = [Traffic.model_validate_json(line).candidate for line in world.plane.lines()[:-1]]
    assert (weights, world.plane.lines()[-1]) == ([5, 25, 50], "finished: candidate")
    assert world.promotion.lines() == ["asked", "promoted with a1"]
    assert world.phase == "promoted"


def test_the_ledger_tells_the_start_and_each_change_and_seals_the_numbers(world):
    until_settled(world.controller())
    assert world.ledger.verify() == 7
    start, *decided = world.ledger.entries()
    assert (start.kind, start.actor, start.payload["candidate"]) == (STARTED, "anna", "models:/sba_loans/2")
    assert {e.kind for e in decided} == {DECIDED}
    assert [e.payload["kind"] for e in decided] == ["begin", "step", "step", "await", "earn", "promote"]


def test_harm_is_answered_by_the_way_back(tmp_path):
    world = World(tmp_path / "w", observe=script(harm_at=3))
    until_settled(world.controller())
    assert world.plane.lines()[-2:] == ['{"candidate":0,"mirror":null}', "finished: stable"]
    assert (world.phase, world.promotion.lines()) == ("rolled_back", [])
    assert "error_rate is worse than tolerated" in world.ledger.entries()[-1].payload["reason"]


def test_traffic_that_somebody_changed_is_put_right(world):
    controller = world.controller()
    controller.look()
    world.plane.apply(Traffic(candidate=77))
    controller.look()
    assert world.plane.current() == histories.read(world.store, "sba-1").state.traffic


def test_a_wish_is_taken_up_at_the_next_look(world):
    controller = world.controller()
    controller.look()
    world.ask("pause", "abort")
    controller.look()
    assert world.phase == "paused"
    until_settled(controller)
    assert world.phase == "aborted"
    assert world.ledger.entries()[-1].payload["asked_by"] == "olga"


def test_a_wish_that_comes_during_a_look_makes_it_look_again(world):
    controller = world.controller()
    seen = world.observe
    world.observe = lambda state: (world.ask("pause"), seen(state))[1] if world.plane.lines() else seen(state)
    controller = world.controller()
    controller.look()
    controller.look()
    assert [e.kind for e in world.store.events("sba-1")] == ["started", "looked", "wished"]
    world.observe = seen
    world.controller().look()
    assert world.phase == "paused"


def test_one_controller_is_active_and_another_takes_over(world):
    first, second = world.controller(holder="a/x"), world.controller(holder="b/x")
    assert first.look()
    assert not second.look()
    world.wait(31)
    assert second.look()
    assert not first.look()
    assert len(histories.looks(world.store, "sba-1")) == 2


def test_who_waits_in_line_follows_to_the_end(world):
    waiting = world.controller(holder="b/x")
    active = world.controller(holder="a/x")
    active.look()

    def wait(seconds):
        active.look()
        world.wait(seconds / 100)

    assert waiting.run(wait).phase == "promoted"


def test_it_can_be_left_after_a_look_and_somebody_else_goes_on(world):
    state = world.controller(holder="a/x").run(world.wait, until=lambda state: state.looks >= 3)
    assert (state.phase, state.looks) == ("running", 3)
    assert world.controller(holder="b/x").run(world.wait).phase == "promoted"


class Broken(FilePlane):
    """Takes no change as long as it is broken."""

    broken = True

    def apply(self, traffic):
        if self.broken:
            raise FairleadError("no proxy")
        super().apply(traffic)


def test_what_fails_is_recorded_and_tried_again(world):
    plane = Broken(world.plane.path)
    controller = world.controller(plane=plane)
    waits = []

    def wait(seconds):
        waits.append(seconds)
        world.wait(seconds)
        plane.broken = len(waits) < 5

    assert controller.run(wait).phase == "promoted"
    failed = [e.payload["text"] for e in world.store.events("sba-1") if e.kind == "failed"]
    assert set(failed) == {"no proxy"}
    assert waits[:4] == [1.0] * 4
    assert world.ledger.verify() == 7


def test_a_plane_that_fails_is_no_reason_not_to_look(world):
    plane = Broken(world.plane.path)
    controller = world.controller(plane=plane)
    for _ in range(3):
        with pytest.raises(FairleadError, match="no proxy"):
            controller.look()
    assert len(histories.looks(world.store, "sba-1")) == 3


def test_a_blind_look_holds_but_health_and_wishes_still_count(world):
    def blind(_state):
        raise ValueError("the log is gone")

    world.controller().look()
    world.observe = blind
    world.controller().look()
    last = histories.read(world.store, "sba-1").look
    assert (last.decision.kind, last.error) == ("hold", "nothing could be measured: ValueError: the log is gone")
    world.plane.well = {"stable": True, "candidate": False}
    world.controller().look()
    assert world.phase == "rolled_back"


class Unsure(FilePromotion):
    def approval(self, _rollout):
        raise FairleadError("the registry is down")


def test_an_approval_that_cannot_be_read_is_none(world):
    controller = world.controller(promotion=Unsure(world.promotion.path))
    for _ in range(14):
        controller.look()
    found = histories.read(world.store, "sba-1")
    assert found.state.phase == "awaiting_approval"
    assert found.look.error == "nobody knows whether it is approved: the registry is down"


def test_between_looks_it_waits_but_not_with_a_wish(world):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        world.wait(seconds)
        if len(waits) == 3:
            world.ask("abort")

    assert world.controller().run(wait).phase == "aborted"
    assert waits == [1.0] * 3
    assert world.store.hold("sba-1", "other/x", world.now, 1), "the right was given back"


def test_a_clock_that_is_set_back_delays_no_look(world):
    controller, waits = world.controller(), []

    def wait(seconds):
        waits.append(seconds)
        world.now -= timedelta(hours=1)
        if len(waits) == 10:
            assert len(histories.looks(world.store, "sba-1")) == 1
        if len(waits) == 11:
            assert len(histories.looks(world.store, "sba-1")) == 2
            world.ask("abort")

    assert controller.run(wait).phase == "aborted"
    assert waits == [1.0] * 11


def test_a_rollout_that_is_over_is_left_alone(world):
    until_settled(world.controller())
    before = world.told()
    assert world.controller().look()
    assert world.controller().run(world.wait).phase == "promoted"
    assert world.told() == before


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


CASES = {
    "canary, promoted": (plan(), {}, ()),
    "canary, rolled back": (plan(), {"harm_at": 4}, ("pause", "resume")),
    "blue-green, promoted": (plan("blue_green", watch_minutes=1.0), {"safe_from": 3}, ()),
    "bandit, aborted": (plan("bandit"), {}, ("pause", "resume", "abort")),
}


def prepared(folder, case):
    of, parts, wishes = CASES[case]
    world = World(folder, of, script(**parts))
    world.ask(*wishes)
    return world


def child(world, hook=None):
    """Run the rollout to its end in a child process, unless it is killed before."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            until_settled(world.controller(hook))
            code = 0
        finally:
            os._exit(code)
    return pid


def die_at(point):
    left = [point]

    def hook():
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


@pytest.mark.parametrize("case", CASES)
def test_killed_at_random_points_it_ends_as_if_it_never_had_been(tmp_path, unsynced, case):
    """100 kills at write points over the cases, and some at random times."""
    assert unsynced
    expected = prepared(tmp_path / "unkilled", case)
    until_settled(expected.controller())
    chance = random.Random(case)  # noqa: S311
    kills = {"point": 0, "time": 0}
    for number in range(1000):
        world = prepared(tmp_path / f"killed-{number}", case)
        how = "time" if kills["time"] < 3 and number % 2 else "point"
        while True:
            pid = child(world, die_at(chance.randint(1, 40)) if how == "point" else None)
            if how == "time":
                time.sleep(chance.uniform(0, 0.02))
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if os.WIFSIGNALED(status):
                assert os.WTERMSIG(status) == signal.SIGKILL
                kills[how] += 1
            settled = histories.read(world.store, "sba-1").settled
            assert settled or os.WIFSIGNALED(status), f"ended with status {status}, not settled"
            if settled:
                break
        assert world.told() == expected.told()
        assert world.ledger.verify() == expected.ledger.verify()
        if kills["point"] >= 25 and kills["time"] >= 3:
            return
    pytest.fail(f"too few kills: {kills}")
