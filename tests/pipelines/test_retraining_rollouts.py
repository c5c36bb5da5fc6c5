"""Rollouts of retrained versions: real registry, approvals and rollout engine, on the plane that serves nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.registry import approvals
from components.registry.registry import Registry
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress, Run
from components.rollout import history
from components.rollout import plan as plans
from components.rollout.planes.memory import MemoryPlane
from components.rollout.state import Observation
from pipelines import retraining_rollouts, rollout_start
from pipelines.retraining_rollouts import PLAN, MachineRollouts
from pipelines.retraining_runs import Placed, champion_of, trigger_of
from pipelines.rollout_around import Machinery, store_of
from tests.registry.conftest import empty_store, register, settings, smoke, variant
from tests.retraining.world import decision
from tests.rollout.looks import HARM, NEUTRAL, SAFE, plan

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]

DAY = date(2005, 6, 30)
QUICK = plan(steps=({"weight": 20, "minimum_requests": 10},), look_seconds=0.001)


@pytest.fixture
def registered(settings, register, variant):
    """Version 1 reigns, version 2 is what a retraining has registered."""
    register(variant("one"))
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id, "the first one")
    Registry(settings).promote("sba_loans", 1, asked.id)
    register(variant("two"))
    return settings


@pytest.fixture
def seen(monkeypatch):
    """A plane on which the candidate shows what is put into the list, look by look; at last that it is safe."""
    shown, plane, begun = [], MemoryPlane(), datetime.now(UTC)

    def observe(state):
        requests = {"stable": 200 * state.looks, "candidate": 200 * state.looks}
        found = shown.pop(0) if shown else SAFE
        return Observation(at=begun + timedelta(seconds=30 * state.looks), requests=requests, evidence=found)

    machinery = Machinery(plane, observe, lambda: None, lambda: None, "")
    monkeypatch.setattr(rollout_start, "machinery", lambda *_: machinery)
    return shown


def trigger(settings, **options):
    rollouts = MachineRollouts(settings, print, QUICK, "memory", wait=lambda _: None, **options)
    training = MemoryRunner(train=lambda _: Progress(state="registered", version="2"))
    return trigger_of(settings, Placed(training, rollouts))


def test_with_an_approval_by_configuration_the_new_version_comes_to_reign(registered, seen):
    seen += [NEUTRAL, NEUTRAL]
    assert champion_of(registered, "sba_loans") == "1"
    run = trigger(registered, approve=True).fire("sba_loans", "1", decision(), DAY)
    assert (run.state, run.version) == ("promoted", "2")
    assert champion_of(registered, "sba_loans") == "2"
    given = approvals.approvals(registered, "sba_loans")[-1]
    assert (given.state, given.reason) == ("used", "rollout k1 has earned it; approved by configuration")
    assert Ledger(registered.ledger_path).verify() > 10


def test_without_it_people_approve_and_the_next_look_goes_on(registered, seen, capsys):
    assert seen == []
    watching = trigger(registered)
    assert watching.fire("sba_loans", "1", decision(), DAY).state == "rolling_out"
    (asked,) = [a for a in approvals.approvals(registered, "sba_loans") if a.state == "requested"]
    assert f"rollout k1 waits for an approval: fairlead approve {asked.id}" in capsys.readouterr().out
    assert watching.advance("sba_loans", DAY).state == "rolling_out"
    assert champion_of(registered, "sba_loans") == "1"
    approvals.approve(registered, asked.id, "looks good")
    assert watching.advance("sba_loans", DAY).state == "promoted"
    assert champion_of(registered, "sba_loans") == "2"


def test_a_refused_approval_rolls_it_back(registered, seen):
    assert seen == []
    watching = trigger(registered)
    watching.fire("sba_loans", "1", decision(), DAY)
    (asked,) = [a for a in approvals.approvals(registered, "sba_loans") if a.state == "requested"]
    approvals.reject(registered, asked.id, "not before the audit")
    run = watching.advance("sba_loans", DAY)
    assert run.state == "rolled_back"
    assert "not before the audit" in run.reason


def test_a_version_that_does_harm_is_rolled_back_and_the_old_one_reigns_on(registered, seen):
    seen += [NEUTRAL, NEUTRAL, HARM]
    run = trigger(registered, approve=True).fire("sba_loans", "1", decision(), DAY)
    assert run.state == "rolled_back"
    assert "error_rate" in run.reason
    assert champion_of(registered, "sba_loans") == "1"


def test_who_may_not_approve_approves_nothing_by_configuration_either(registered, seen, tmp_path):
    assert seen == []
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {tester: [data_scientist, operator]}")
    limited = registered.model_copy(update={"roles": roles})
    with pytest.raises(FairleadError, match="'decide' needs: approver"):
        trigger(limited, approve=True).fire("sba_loans", "1", decision(), DAY)
    assert champion_of(registered, "sba_loans") == "1"
    assert trigger(registered, approve=True).advance("sba_loans", DAY).state == "promoted"


def test_a_plan_for_another_use_case_is_refused(registered):
    rollouts = MachineRollouts(registered, print, plan(use_case="wafer"), "memory")
    run = Run(key="k1", use_case="sba_loans", decision=decision(), state="registered", version="2")
    with pytest.raises(FairleadError, match="plan test is for wafer, and the run for sba_loans"):
        rollouts.roll_out(run)
    assert rollouts.rollout(run).state == "absent"


def test_in_the_background_one_process_runs_it_at_a_time(registered, monkeypatch):
    begun = []

    class Process:
        pid = 7

        def __init__(self, command, **options):
            begun.append((command[1:], options["start_new_session"]))

    monkeypatch.setattr(retraining_rollouts.subprocess, "Popen", Process)
    watching, store = trigger(registered, background=True), store_of(registered)
    assert watching.fire("sba_loans", "1", decision(), DAY).state == "rolling_out"
    assert begun == [(["-m", "pipelines", "rollout", "run", "k1"], True)]
    assert store.hold("k1", "elsewhere/7", datetime.now(UTC), 30)
    assert watching.advance("sba_loans", DAY).state == "rolling_out"
    assert len(begun) == 1
    store.release("k1", "elsewhere/7")
    watching.advance("sba_loans", DAY)
    assert len(begun) == 2
    assert history.read(store, "k1").rollout.candidate == "models:/sba_loans/2"


def test_the_plan_that_is_taken_by_default_asks_for_an_approval():
    assert plans.load(PLAN).approval
