"""What every pipeline asks of Kubernetes in every place that ships, read as Kubeflow reads it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from components.images import image_of
from pipelines.catalogue import PIPELINES, compiled, text_for
from pipelines.place import Place, load, shipped
from pipelines.placing import LEDGER_CLAIM_FOLDER, SCRATCH_FOLDER, times

HEAVY = {"tune", "train", "check", "explain-table", "try-mitigation"}
BUCKETS = {"ingest", "check-rows", "score-champion", "register", "fetch-model", "collect-rows"}
LEDGER = {"package", "report-outcome", "score-champion", "register", "fetch-model", "collect-rows"}
VERIFY = ("package", "smoke-test", "score-champion", "register", "collect-rows", "fetch-model")
SECRETS = {
    "fairlead-signing": {"package"},
    "fairlead-verify": set(VERIFY),
    "fairlead-watermark": {"identify-watermark-key", "train", "check"},
    "object-store": BUCKETS,
}
"""Secret → the steps that may be given it."""

Object = dict[str, Any]


def read(text: str) -> tuple[Object, Object]:
    spec, *platform = yaml.safe_load_all(text)
    return spec, platform[0]


def asked_of(platform: Object) -> Object:
    found: Object = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return found


def faults(spec: Object, platform: Object, place: Place) -> list[str]:
    """List where a compiled pipeline is not as the place has it, or gives a step what is not its."""
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    found = []
    if spec.get("defaultPipelineRoot", "") != place.pipeline_root:
        found.append("keeps its artifacts elsewhere")
    found += [f"{name} is tried {n} times" for name, n in _tries(spec).items() if n != place.heavy.retries]
    kubernetes = asked_of(platform)
    assert spec["deploymentSpec"]["executors"].keys() == kubernetes.keys()
    for label, executor in spec["deploymentSpec"]["executors"].items():
        step, asked = label.removeprefix("exec-"), kubernetes[label]
        json_format.ParseDict(asked, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
        wrong = [*_container(step, executor["container"], place), *_pod(step, asked, place)]
        found += [f"{step} {text}" for text in wrong]
    return found


def _tries(spec: Object) -> dict[str, int]:
    dags = [spec["root"]["dag"], *(c["dag"] for c in spec["components"].values() if "dag" in c)]
    tasks = {name: task for dag in dags for name, task in dag["tasks"].items() if name in HEAVY}
    return {name: task.get("retryPolicy", {}).get("maxRetryCount", 0) for name, task in tasks.items()}


def _container(step: str, container: Object, place: Place) -> list[str]:
    found = []
    if container["image"] != place.images.of(step) or not container["image"].startswith(place.images.registry + "/"):
        found.append("runs another image")
    resources = container.get("resources", {})
    if not {"resourceMemoryLimit", "resourceCpuLimit", "resourceMemoryRequest", "resourceCpuRequest"} <= set(resources):
        found.append("has no limits")
    elif resources["memoryRequest"] > resources["memoryLimit"] or resources["cpuRequest"] > resources["cpuLimit"]:
        found.append("reserves more than it may use")
    plain = {e["name"]: e["value"] for e in container.get("env", [])}
    if any(word in name for name in plain for word in ("KEY", "SECRET", "TOKEN", "PASSWORD")):
        found.append("has a secret in clear")
    if plain.get("AWS_ENDPOINT_URL", "") != (place.object_store.endpoint if step in BUCKETS else ""):
        found.append("looks for buckets elsewhere")
    return found


def _pod(step: str, asked: Object, place: Place) -> list[str]:
    found = []
    if asked.get("securityContext") != {"runAsUser": "10001", "runAsGroup": "10001", "runAsNonRoot": True}:
        found.append("may run as root")
    given = {s["secretName"] for kind in ("secretAsVolume", "secretAsEnv") for s in asked.get(kind, [])}
    if extra := {name for name in given if step not in SECRETS.get(name, set())}:
        found.append(f"is given {', '.join(sorted(extra))}")
    stored = {s["secretName"] for s in asked.get("secretAsEnv", [])}
    if stored != ({place.object_store.secret} - {""} if step in BUCKETS else set()):
        found.append("is not given what opens the buckets")
    heavy = place.heavy if step in HEAVY else type(place.heavy)()
    tolerated = [(t["key"], t.get("value", ""), t["effect"]) for t in asked.get("tolerations", [])]
    if tolerated != [(t.key, t.value, t.effect) for t in heavy.tolerations]:
        found.append("tolerates other taints")
    if asked.get("nodeSelector", {}).get("labels", {}) != heavy.node_selector:
        found.append("goes to other nodes")
    scratch = [(m["mountPath"], m["sizeLimit"]) for m in asked.get("emptyDirMounts", [])]
    if scratch != ([(SCRATCH_FOLDER, heavy.scratch)] if heavy.scratch else []):
        found.append("has another scratch")
    claims = [(m["constant"], m["mountPath"]) for m in asked.get("pvcMount", [])]
    if claims != ([(place.ledger_claim, LEDGER_CLAIM_FOLDER)] if place.ledger_claim and step in LEDGER else []):
        found.append("mounts other claims")
    if asked.get("podMetadata", {}).get("labels", {}).get("app.kubernetes.io/component") != step:
        found.append("is not to be found by its labels")
    return found


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_pipeline_is_as_every_place_has_it(pipeline: str, name: str) -> None:
    place = load(name)
    assert faults(*read(text_for(pipeline, place)), place) == []


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_tree_holds_what_the_default_place_compiles_to_whatever_came_before(pipeline: str) -> None:
    text_for(pipeline, load("kind"))
    assert text_for(pipeline, load("local")) == compiled(pipeline).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "change", "fault"),
    [
        (("asked", "exec-train", "securityContext"), {"runAsUser": "0"}, "train may run as root"),
        (("container", "exec-train"), {"image": "docker.io/python:3.11"}, "train runs another image"),
        (("container", "exec-train"), {"resources": {}}, "train has no limits"),
        (("container", "exec-judge", "resources"), {"cpuRequest": 9.0}, "judge reserves more than it may use"),
        (("container", "exec-judge"), {"env": [{"name": "A_KEY", "value": "x"}]}, "judge has a secret in clear"),
        (("asked", "exec-tune", "nodeSelector"), {"labels": {"pool": "small"}}, "tune goes to other nodes"),
        (
            ("asked", "exec-judge"),
            {"tolerations": [{"key": "a", "effect": "NoSchedule"}]},
            "judge tolerates other taints",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_breach_is_found(path: tuple[str, ...], change: Object, fault: str) -> None:
    place = load("cloud")
    spec, platform = copy.deepcopy(_cloud(place))
    containers = {label: executor["container"] for label, executor in spec["deploymentSpec"]["executors"].items()}
    inner: Object = {"container": containers, "asked": asked_of(platform)}
    for key in path:
        inner = inner[key]
    inner.update(change)
    assert faults(spec, platform, place) == [fault]


def test_a_secret_that_is_not_the_steps_is_found() -> None:
    place = load("cloud")
    spec, platform = copy.deepcopy(_cloud(place))
    executors = asked_of(platform)
    executors["exec-judge"]["secretAsVolume"] = executors["exec-package"]["secretAsVolume"]
    assert faults(spec, platform, place) == ["judge is given fairlead-signing, fairlead-verify"]


_made: dict[str, tuple[Object, Object]] = {}


def _cloud(place: Place) -> tuple[Object, Object]:
    if place.name not in _made:
        _made[place.name] = read(text_for("training", place))
    return _made[place.name]


def test_a_place_of_ones_own_pins_images_and_mounts_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = f"""
    images:
      registry: r.example/team
      digests: {{platform: "sha256:{"0" * 64}"}}
      pull: Always
      pull_secrets: [login]
    ledger_claim: fairlead-ledger
    labels: {{team: risk}}
    resources: {{scale: 1.5, reserved: 0.5, patience: 2}}
    """
    path.write_text(text, encoding="utf-8")
    place = load(str(path))
    spec, platform = read(text_for("training", place))
    assert faults(spec, platform, place) == []
    train, asked = spec["deploymentSpec"]["executors"]["exec-train"]["container"], asked_of(platform)["exec-train"]
    assert train["image"] == f"{image_of('train', 'r.example/team')}@sha256:{'0' * 64}"
    assert (train["resources"]["resourceMemoryLimit"], train["resources"]["resourceMemoryRequest"]) == ("3G", "1500M")
    assert train["resources"]["resourceCpuLimit"] == "3"
    assert asked["activeDeadlineSeconds"] == "3600"
    assert asked["imagePullPolicy"] == "Always"
    assert [s["secretName"] for s in asked["imagePullSecret"]] == ["login"]
    assert asked["podMetadata"]["labels"]["team"] == "risk"
    assert asked_of(platform)["exec-register"]["pvcMount"][0]["constant"] == "fairlead-ledger"


def test_a_quantity_that_cannot_be_multiplied_is_refused() -> None:
    with pytest.raises(ValueError, match="'2Gi' is no whole number"):
        times("2Gi", 1.0)
