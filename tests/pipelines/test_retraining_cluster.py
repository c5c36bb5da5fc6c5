"""Retraining against servers that answer as Kubeflow Pipelines and Kubernetes do, over real HTTP."""

import os
import signal
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.core.retrained import load_for_training
from components.core.watching import Window
from components.registry import approvals
from components.registry.registry import Registry
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress, Run
from components.rollout import history
from components.rollout.kubernetes_store import KubernetesStore
from components.rollout.state import Decision, Observation
from pipelines import retraining_cluster
from pipelines.retraining_cluster import ClusterRollouts, KubeflowTraining, model_rollout
from pipelines.retraining_runs import Placed, trigger_of
from pipelines.runners import kubeflow
from tests.conftest import AS_OF
from tests.pipelines import kubeflow_runs
from tests.registry.conftest import empty_store, register, settings, smoke, variant
from tests.retraining.world import child, decision
from tests.rollout import kubernetes_api
from tests.rollout.looks import START

__all__ = ["empty_store", "register", "settings", "smoke", "variant"]

DAY = date(2009, 1, 2)
EXAMPLE = Path(__file__).parents[2] / "manifests" / "rollout" / "examples" / "sba-loans.yaml"


@pytest.fixture
def api():
    with kubeflow_runs.serving() as served:
        yield served


@pytest.fixture
def light(tmp_path):
    """Settings of a home without a registry."""
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "olga"})


def run(key="k1", **changes):
    given = {"key": key, "use_case": "sba_loans", "decision": decision(key, as_of=AS_OF), "state": "started"}
    return Run(**{**given, "version": "2", **changes})


def watching(settings, url):
    rollouts = MemoryRunner(train=lambda _: pytest.fail("it trains elsewhere"))
    return trigger_of(settings, Placed(KubeflowTraining(settings, "sba_loans", url), rollouts))


def test_a_run_is_submitted_under_its_key_and_found_by_it(api, light):
    runs, url = api
    training = KubeflowTraining(light, "sba_loans", url)
    sliding = run().decision.model_copy(update={"window": Window(policy="sliding", months=48)})
    mine = run(decision=sliding)
    assert training.status(mine).state == "absent"
    training.start(mine)
    assert training.status(mine) == Progress(state="running", reason=f"{url}/#/runs/details/r1")
    assert training.status(run("k2")).state == "absent"
    (made,) = runs.made
    given = made["runtime_config"]["parameters"]
    assert (made["display_name"], given["as_of"]) == ("k1", "2008-12-31")
    assert str(load_for_training(given["use_case"], given["window"]).training.window) == "sliding 48 months"


@pytest.mark.parametrize(
    ("state", "more", "expected", "says"),
    [
        ("RUNNING", {}, "running", ""),
        ("FAILED", {"error": {"message": "no node"}}, "failed", "no node; see http"),
        ("CANCELED", {}, "failed", "canceled at Kubeflow; see http"),
        ("FAILED", {"failed": [("require-gates", "")]}, "stopped", "step require-gates failed: see its log; see http"),
        (
            "FAILED",
            {"failed": [("train", "out of memory"), ("root", "")]},
            "failed",
            "step train failed: out of memory;",
        ),
        ("FAILED", {"failed": [("check-rows", "QuarantineLimitExceeded: 9 %")]}, "stopped", "9 %; see http"),
    ],
)
def test_how_far_it_is(api, light, state, more, expected, says):
    runs, url = api
    training = KubeflowTraining(light, "sba_loans", url)
    training.start(run())
    tasks = [
        {"display_name": s, "state": "FAILED", "error": {"message": e} if e else None}
        for s, e in more.pop("failed", [])
    ]
    runs.end(state, run_details={"task_details": [*tasks, {"display_name": "ingest", "state": "SUCCEEDED"}]}, **more)
    found = training.status(run())
    assert found.state == expected
    assert says in found.reason


def test_a_run_that_succeeded_has_registered_the_version_of_its_training_date(api, settings, register, variant):
    runs, url = api
    training = KubeflowTraining(settings, "sba_loans", url)
    training.start(run())
    runs.end("SUCCEEDED")
    found = training.status(run())
    assert (found.state, "no version of sba_loans trained as of 2008-12-31" in found.reason) == ("failed", True)
    register(variant("one"))
    assert training.status(run()).version == "1"
    assert training.status(run()).state == "registered"


def test_of_two_runs_of_a_key_the_first_counts_and_the_other_is_stopped(api, light):
    runs, url = api
    runs.page = 2
    training = KubeflowTraining(light, "sba_loans", url)
    for _ in range(4):
        training.start(run())
    runs.end("RUNNING")
    runs.made[2]["state"] = "CANCELED"
    assert training.status(run()) == Progress(state="running", reason=f"{url}/#/runs/details/r1")
    assert runs.terminated == ["r2", "r4"]


def test_a_watcher_that_dies_after_it_submitted_submits_nothing_twice(api, light, monkeypatch):
    runs, url = api
    submit = kubeflow.submit

    def submit_and_die(*arguments):
        submit(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(retraining_cluster.kubeflow, "submit", submit_and_die)
    pid = child(lambda: watching(light, url).fire("sba_loans", "1", decision(), AS_OF))
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    monkeypatch.undo()
    assert watching(light, url).fire("sba_loans", "1", decision(), AS_OF).state == "started"
    assert [made["display_name"] for made in runs.made] == ["k1"]


def test_two_watchers_at_once_submit_one_run(api, light):
    runs, url = api
    fire = lambda: watching(light, url).fire("sba_loans", "1", decision(), AS_OF)  # noqa: E731
    assert [os.waitpid(pid, 0)[1] for pid in [child(fire), child(fire)]] == [0, 0]
    assert watching(light, url).advance("sba_loans", AS_OF).state == "started"
    assert len(runs.made) == 1


def test_an_endpoint_that_is_down_is_told_and_the_run_is_submitted_later(api, light):
    runs, url = api
    with pytest.raises(FairleadError, match=r"Kubeflow Pipelines at http://127\.0\.0\.1:9 did not take the question"):
        watching(light, "http://127.0.0.1:9").fire("sba_loans", "1", decision(), AS_OF)
    assert watching(light, url).advance("sba_loans", AS_OF).state == "started"
    assert len(runs.made) == 1


@pytest.fixture
def cluster():
    with kubernetes_api.serving() as served:
        yield served


@pytest.fixture
def reigning(settings, register, variant):
    register(variant("one"))
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id, "the first one")
    Registry(settings).promote("sba_loans", 1, asked.id)
    register(variant("two"))
    return settings


@pytest.fixture
def template(tmp_path):
    written = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for part in ("stable", "candidate"):
        written["spec"][part].update(service="sba-{version}", labels={"version": "v{version}"})
    path = tmp_path / "rollout.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def test_a_rollout_is_created_once_for_the_operator_and_followed(cluster, reigning, template):
    api, objects = cluster
    rollouts = ClusterRollouts(reigning, objects, template, print, approve=True)
    assert rollouts.rollout(run("sba_loans-2008")).state == "absent"
    for _ in range(2):
        rollouts.roll_out(run("sba_loans-2008"))
    ((_, name), made) = next(iter(api.objects.items()))
    assert (name, len(api.objects)) == ("sba-loans-2008", 1)
    for part, version in (("stable", "1"), ("candidate", "2")):
        labels = {"version": f"v{version}"}
        expected = {"model": f"models:/sba_loans/{version}", "service": f"sba-{version}", "labels": labels}
        assert made["spec"][part] == expected
    assert rollouts.rollout(run("sba_loans-2008")).state == "running"
    asked = Registry(reigning).request("sba_loans", 2).id
    rollouts.roll_out(run("sba_loans-2008"))
    assert approvals.find(reigning, asked).state == "requested", "it has not earned it"
    looked(objects, "awaiting_approval")
    rollouts.roll_out(run("sba_loans-2008"))
    assert approvals.find(reigning, asked).state == "given"
    store = KubernetesStore(objects)
    history.record_settled(store, looked(objects, "rolled_back"), datetime.now(UTC))
    assert rollouts.rollout(run("sba_loans-2008")) == Progress(state="rolled_back", version="2", reason="as told")


def looked(objects, phase):
    """Record a look after which a rollout is in a phase."""
    store = KubernetesStore(objects)
    known = history.read(store, store.rollouts()[0])
    state = known.state.model_copy(update={"phase": phase, "reason": "as told", "looks": known.state.looks + 1})
    return history.record_look(store, known, Observation(at=START), Decision(kind="hold", state=state), "")


def test_without_a_champion_there_is_nothing_to_roll_out_against(cluster, settings, template):
    _, objects = cluster
    with pytest.raises(FairleadError, match="has no champion to roll version 2 out against"):
        ClusterRollouts(settings, objects, template, print).roll_out(run())


def test_a_template_is_checked_before_it_is_sent(tmp_path, reigning, cluster):
    api, objects = cluster
    written = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    with pytest.raises(FairleadError, match="the template's plan is for sba_loans, and run k1 is for wafer"):
        model_rollout(written, run(use_case="wafer"), "1")
    broken = tmp_path / "broken.yaml"
    broken.write_text("spec: {plan: {name: x}}")
    with pytest.raises(FairleadError, match="ModelRollout k1: spec"):
        ClusterRollouts(reigning, objects, broken, print).roll_out(run())
    broken.write_text("- a list")
    with pytest.raises(FairleadError, match="is no YAML of a ModelRollout"):
        ClusterRollouts(reigning, objects, broken, print).roll_out(run())
    assert api.objects == {}
