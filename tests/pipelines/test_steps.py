"""What each step asks of Kubernetes, read from the YAML that Kubeflow gets."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import dsl
from kfp.compiler import Compiler

from components.core.config import Settings
from components.judgement.component import explain_examples
from pipelines import steps
from pipelines.catalogue import PIPELINES, compiled

ROOT = Path(__file__).parents[2]

TALK_TO_SOMETHING_OUTSIDE = {
    *("ingest", "check-rows", "track", "score-champion", "register", "fetch-model"),
    *("collect-rows", "raise-alerts"),
}
VERIFY = ("smoke-test", "score-champion", "register", "collect-rows", "fetch-model")
MARKED = {("fairlead-watermark", "/etc/fairlead/watermark")}
MOUNTS = {
    **dict.fromkeys(("identify-watermark-key", "train", "check"), MARKED),
    "package": {("fairlead-signing", "/etc/fairlead/signing"), ("fairlead-verify", "/etc/fairlead/verify")},
    **{step: {("fairlead-verify", "/etc/fairlead/verify")} for step in VERIFY},
}
NEVER_CACHED = {
    *("package", "track", "score-champion", "register", "report-outcome"),
    *("identify-watermark-key", "check", "fetch-model"),
    *("collect-rows", "lay-out-windows", "look", "raise-alerts"),
}


def _tasks(spec: dict[str, Any]) -> dict[str, Any]:
    """Find the tasks that run something, in every DAG of the pipeline."""
    dags = [spec["root"]["dag"], *(c["dag"] for c in spec["components"].values() if "dag" in c)]
    named = {name: task for dag in dags for name, task in dag["tasks"].items()}
    return {n: t for n, t in named.items() if "executorLabel" in spec["components"][t["componentRef"]["name"]]}


SPECS = {name: list(yaml.safe_load_all(compiled(name).read_text(encoding="utf-8"))) for name in PIPELINES}
SPEC = SPECS["training"][0]
TASKS, KUBERNETES, EXECUTORS = ({}, {}, {})
for spec, platform in SPECS.values():
    TASKS |= _tasks(spec)
    KUBERNETES |= platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    EXECUTORS |= spec["deploymentSpec"]["executors"]

every_step = pytest.mark.parametrize("step", sorted(TASKS))


def _bodies() -> dict[str, str]:
    """Give the source of every step by its name in the pipeline."""
    found = {}
    for path in (ROOT / "components").glob("*/component.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name.replace("_", "-")] = ast.unparse(node)
    return found


def test_every_step_of_every_stage_has_its_place_and_is_used() -> None:
    assert sorted(TASKS) == sorted(_bodies())
    placed = {n for n, v in vars(steps).items() if callable(v) and getattr(v, "__name__", "") == "make"}
    assert {name.replace("_", "-") for name in placed} == set(TASKS)


@every_step
def test_a_step_may_use_so_much_memory_and_cpu(step: str) -> None:
    resources = EXECUTORS[f"exec-{step}"]["container"]["resources"]
    assert resources["resourceMemoryLimit"] in {"2G", "4G"}
    assert resources["resourceMemoryRequest"] == resources["resourceMemoryLimit"]
    assert resources["resourceCpuLimit"] in {"1", "2"}
    assert resources["resourceCpuRequest"] == "250m"


@every_step
def test_a_step_has_a_deadline(step: str) -> None:
    assert 60 <= int(KUBERNETES[f"exec-{step}"]["activeDeadlineSeconds"]) <= 3600


@every_step
def test_only_what_talks_to_something_outside_is_tried_again(step: str) -> None:
    retry = TASKS[step].get("retryPolicy")
    assert (retry is not None) is (step in TALK_TO_SOMETHING_OUTSIDE)
    if retry:
        assert retry["maxRetryCount"] == 1
        assert retry["backoffDuration"] == "5s"


@every_step
def test_the_private_key_is_mounted_where_bundles_are_signed_and_the_public_one_where_they_are_verified(
    step: str,
) -> None:
    mounts = KUBERNETES[f"exec-{step}"].get("secretAsVolume", [])
    assert {(mount["secretName"], mount["mountPath"]) for mount in mounts} == MOUNTS.get(step, set())


@every_step
def test_a_step_that_reads_settings_is_given_them(step: str) -> None:
    given = KUBERNETES[f"exec-{step}"].get("configMapAsEnv", [])
    assert bool(given) is ("read_settings()" in _bodies()[step])
    for source in given:
        assert source["optional"] is True
        names = {pair["envVar"].removeprefix("FAIRLEAD_").lower() for pair in source["keyToEnv"]}
        assert names <= set(Settings.model_fields)
        assert {"tracking_uri", "bundle_store", "ledger_path", "signing_key", "verify_key"} <= names


@every_step
def test_what_looks_at_the_registry_or_the_keys_is_never_taken_from_the_cache(step: str) -> None:
    assert TASKS[step]["cachingOptions"].get("enableCache", False) is (step not in NEVER_CACHED)


@every_step
def test_a_step_installs_nothing(step: str) -> None:
    container = EXECUTORS[f"exec-{step}"]["container"]
    assert "pip install" not in str(container)
    assert "/fairlead-" in container["image"]


def test_the_outcome_is_reported_whichever_way_the_run_ends() -> None:
    task = TASKS["report-outcome"]
    assert task["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    (upstream,) = task["dependentTasks"]
    assert task["inputs"]["parameters"]["status"] == {"taskFinalStatus": {"producerTask": upstream}}
    others = SPEC["components"][SPEC["root"]["dag"]["tasks"][upstream]["componentRef"]["name"]]["dag"]["tasks"]
    assert {"ingest", "judge", "register", "write-report"} <= set(others)


def test_a_step_that_two_pipelines_have_is_the_same_in_both() -> None:
    """So what one of them left in the cache serves the other."""
    of_training, *others = ({n: t["componentRef"] for n, t in _tasks(spec).items()} for spec, _ in SPECS.values())
    shared = set.intersection(*(of_training.keys() & other.keys() for other in others))
    assert {"ingest", "check-rows", "build-features"} <= shared
    for spec, platform in SPECS.values():
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for step in shared:
            assert spec["deploymentSpec"]["executors"][f"exec-{step}"] == EXECUTORS[f"exec-{step}"]
            assert executors[f"exec-{step}"] == KUBERNETES[f"exec-{step}"]


def test_only_a_judged_bundle_is_registered() -> None:
    assert "require-gates" in TASKS["register"]["dependentTasks"]
    assert "judge" in TASKS["require-gates"]["dependentTasks"]
    assert {"smoke-test", "score-champion", "package"} <= set(TASKS["judge"]["dependentTasks"])


def test_a_place_is_what_it_was_asked_to_be(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"memory": "8G", "cpu": "3", "minutes": 2, "retries": 4, "settings": True, "cached": False}
    asked |= {"signs": True, "verifies": True}

    @dsl.pipeline(name="two")
    def two():
        given = {"use_case": "x", "bundle": dsl.importer("x", dsl.Model).output}
        steps.placed(explain_examples)(**given).set_display_name("plain")
        steps.placed(explain_examples, **asked)(**given).set_display_name("asked")

    Compiler().compile(two, str(tmp_path / "two.yaml"))
    spec, platform = yaml.safe_load_all((tmp_path / "two.yaml").read_text(encoding="utf-8"))
    tasks = {t["taskInfo"]["name"]: (t, spec["components"][t["componentRef"]["name"]]) for t in _tasks(spec).values()}
    on = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]

    def of(name: str) -> tuple[Any, Any, Any]:
        task, component = tasks[name]
        label = component["executorLabel"]
        return task, spec["deploymentSpec"]["executors"][label]["container"]["resources"], on[label]

    task, resources, kubernetes = of("plain")
    assert (resources["resourceMemoryLimit"], resources["resourceCpuLimit"]) == ("2G", "1")
    assert kubernetes.keys() == {"activeDeadlineSeconds", "securityContext", "podMetadata"}
    assert kubernetes["activeDeadlineSeconds"] == "900"
    assert "retryPolicy" not in task
    assert task["cachingOptions"]["enableCache"] is True
    task, resources, kubernetes = of("asked")
    assert (resources["resourceMemoryLimit"], resources["resourceCpuLimit"]) == ("8G", "3")
    assert kubernetes["activeDeadlineSeconds"] == "120"
    folders = [mount["mountPath"] for mount in kubernetes["secretAsVolume"]]
    assert folders == [steps.SIGNING_FOLDER, steps.VERIFY_FOLDER]
    assert kubernetes["configMapAsEnv"][0]["configMapName"] == steps.CONFIG_MAP
    assert task["retryPolicy"]["maxRetryCount"] == 4
    assert task["cachingOptions"] == {}
