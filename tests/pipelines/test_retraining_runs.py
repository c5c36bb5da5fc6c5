"""Training runs on this machine, with a small pipeline in the place of the real one, run by the real local runner."""

import os
import signal
import time
from datetime import date

import pytest
from kfp import compiler, dsl

from components.component import step
from components.core.config import read_settings
from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.core.retrained import load_for_training, retrained
from components.core.use_case import SHIPPED, load
from components.core.watching import Window
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Decision, Run
from pipelines.retraining_runs import (
    LocalTraining,
    Placed,
    arguments,
    records_of,
    trigger_of,
)
from tests.retraining.world import child

SLIDING = Window(policy="sliding", months=48)
DAY = date(2005, 6, 30)


@step("platform")
def judge(as_of: str, source: str, rest: str):
    """Stop a run of June, break in July, and otherwise tell that it ran; wait in September until it is let go."""
    from pathlib import Path

    from components.core.errors import FairleadError, GateFailed

    with Path(source).open("a") as file:
        file.write(f"{as_of}{rest and ''}\n")
    if as_of[5:7] == "06":
        raise GateFailed("stopped by auc_floor\nauc_floor  fail")
    if as_of[5:7] == "07":
        raise FairleadError("no space left")
    while as_of[5:7] == "09" and not Path(source).with_name("go").exists():
        pass


@step("platform")
def register(use_case: str, window: str, registered: dsl.Output[dsl.Artifact]):
    import json
    from pathlib import Path

    from components.core.retrained import load_for_training

    learned = str(load_for_training(use_case, window).training.window)
    Path(registered.path).write_text(json.dumps({"version": 2, "use_case": learned}))


@dsl.pipeline(name="small")
def small(use_case: str, as_of: str, source: str, freshness: str, repaired: str, repaired_freshness: str, window: str):
    judged = judge(as_of=as_of, source=source, rest=f"{freshness}{repaired}{repaired_freshness}")
    judged.set_caching_options(False)
    register(use_case=use_case, window=window).after(judged)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    target = tmp_path_factory.mktemp("package") / "small.yaml"
    compiler.Compiler().compile(small, str(target))
    return target


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "olga"})


def run(as_of=DAY, window=Window(), key="k1"):  # noqa: B008  a frozen value
    decision = Decision(action="retrain", reasons=("r",), pressure=1.5, as_of=as_of, key=key, window=window)
    return Run(key=key, use_case="sba_loans", decision=decision, champion="1", state="started")


@pytest.fixture
def training(settings, package, tmp_path):
    said = []
    made = LocalTraining(settings, "sba_loans", said.append, str(tmp_path / "ran"), package)
    made.said = said
    return made


def test_what_passes_its_gates_is_registered_and_trained_on_the_window(training, settings):
    mine = run(date(2005, 8, 31), SLIDING)
    assert training.status(mine).state == "absent"
    training.start(mine)
    found = training.status(mine)
    assert (found.state, found.version, found.reason) == ("registered", "2", "all gates passed")
    assert training.said[0] == "training run k1: as of 2005-08-31, window sliding 48 months"
    (written,) = settings.home.glob("artifacts/**/registered")
    assert "sliding 48 months" in written.read_text(encoding="utf-8")


def test_a_gate_stops_a_run_with_its_table_and_whatever_else_fails_breaks_it(training):
    training.start(run(date(2005, 6, 30)))
    found = training.status(run())
    assert (found.state, found.reason) == ("stopped", "stopped by auc_floor\nauc_floor  fail")
    broke = run(date(2005, 7, 31), key="k2")
    training.start(broke)
    found = training.status(broke)
    assert found.state == "failed"
    assert found.reason.startswith("step judge failed: no space left\n(the step's log: ")


def test_who_may_not_train_starts_nothing(settings, package, tmp_path):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {olga: [auditor]}")
    mine = LocalTraining(settings.model_copy(update={"roles": roles}), "sba_loans", print, package=package)
    with pytest.raises(FairleadError, match="'train' needs: data_scientist"):
        mine.start(run())
    assert mine.status(run()).state == "absent"


def test_a_watcher_that_is_killed_while_it_trains_is_followed_by_one_that_ends_the_same_run(
    settings, training, tmp_path
):
    rollouts = MemoryRunner(train=lambda _: pytest.fail("it trains elsewhere"))
    trigger = trigger_of(settings, Placed(training, rollouts))
    decision = run(date(2005, 9, 30)).decision

    def watch():
        os.setsid()
        trigger.fire("sba_loans", "1", decision, DAY)

    pid, ran = child(watch), tmp_path / "ran"
    deadline = time.monotonic() + 60
    while not ran.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert records_of(settings).run("k1").state == "started"
    (tmp_path / "go").touch()
    assert trigger.advance("sba_loans", DAY).state == "promoted"
    assert trigger.fire("sba_loans", "1", decision, DAY).state == "promoted"
    assert ran.read_text().splitlines() == ["2005-09-30"] * 2
    told = [e.payload for e in Ledger(settings.ledger_path).entries("retraining.registered")]
    assert [(e["key"], e["version"]) for e in told] == [("k1", "2")]


def test_arguments_carry_the_training_date_and_the_window(tmp_path):
    given = arguments(
        "sba_loans", run(window=SLIDING), "table.csv", ('shards=[{"algorithm":"xgboost","seed":1,"trials":2}]',)
    )
    assert (given["as_of"], given["source"], len(given["shards"])) == ("2005-06-30", "table.csv", 1)
    found = load_for_training(given["use_case"], given["window"])
    assert found == retrained(load("sba_loans"), SLIDING)
    other = tmp_path / "other.yaml"
    shipped = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    other.write_text(shipped.replace("name: sba_loans", "name: other"), encoding="utf-8")
    with pytest.raises(FairleadError, match="unknown use case of run k1 'other'; allowed: sba_loans"):
        arguments(str(other), run())
