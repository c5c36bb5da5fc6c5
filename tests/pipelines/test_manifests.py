"""The manifests hold to the policy, name what there is, and their command does what it says."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.core.config import Settings, read_settings
from components.images import image
from pipelines import steps
from pipelines.cli import main
from tests.pipelines.kubeflow_api import Received, cached

ROOT = Path(__file__).parents[2]
SCHEDULE = ROOT / "manifests" / "schedule"

Object = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    """What the kustomization puts on a cluster."""
    names = yaml.safe_load((SCHEDULE / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [o for name in names for o in yaml.safe_load_all((SCHEDULE / name).read_text(encoding="utf-8"))]


def only(objects: list[Object], kind: str) -> Object:
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def pod_of(objects: list[Object]) -> Object:
    pod: Object = only(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def faults(pod: Object) -> list[str]:
    """List where a pod breaks the policy that Kubernetes calls restricted, and ours."""
    found = []
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        found.append("may run as root")
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        found.append("has no seccomp profile")
    if pod.get("automountServiceAccountToken") is not False:
        found.append("is given a token of Kubernetes")
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        if not own.get("readOnlyRootFilesystem"):
            found.append("may write to its file system")
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
            found.append("may gain privileges")
        if set(container.get("resources", {}).get("limits", {})) != {"cpu", "memory"}:
            found.append("has no limits")
        if container["image"].endswith(":latest") or ":" not in container["image"].rpartition("/")[2]:
            found.append("does not say which version of its image")
        if any(
            "value" in e and any(w in e["name"] for w in ("KEY", "SECRET", "TOKEN")) for e in container.get("env", [])
        ):
            found.append("has a secret in clear")
    return found


def test_every_file_is_listed() -> None:
    listed = yaml.safe_load((SCHEDULE / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted(listed) == sorted(p.name for p in SCHEDULE.glob("*.yaml") if p.name != "kustomization.yaml")


def test_the_job_keeps_the_policy(objects: list[Object]) -> None:
    assert faults(pod_of(objects)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("securityContext", "runAsNonRoot"), False),
        (("securityContext", "seccompProfile"), None),
        (("automountServiceAccountToken",), True),
        (("containers", 0, "image"), "fairlead-platform:latest"),
        (("containers", 0, "image"), "localhost:5000/fairlead-platform"),
        (("containers", 0, "resources"), {"limits": {"cpu": 1}}),
        (("containers", 0, "securityContext", "readOnlyRootFilesystem"), False),
        (("containers", 0, "securityContext", "capabilities"), {}),
        (("containers", 0, "env"), [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]),
    ],
)
def test_a_breach_is_found(objects: list[Object], path: tuple[Any, ...], value: object) -> None:
    pod: Any = yaml.safe_load(yaml.safe_dump(pod_of(objects)))
    inner = pod
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert len(faults(pod)) == 1


def test_the_image_is_the_one_that_is_published(objects: list[Object]) -> None:
    assert [c["image"] for c in pod_of(objects)["containers"]] == [image("platform")]


def test_the_settings_are_known_and_are_those_that_steps_read(objects: list[Object]) -> None:
    settings = only(objects, "ConfigMap")
    assert settings["metadata"]["name"] == steps.CONFIG_MAP
    known = {f"FAIRLEAD_{name.upper()}" for name in Settings.model_fields}
    assert set(settings["data"]) <= known
    read = read_settings(settings["data"])
    assert str(read.signing_key.parent) == steps.SIGNING_FOLDER
    assert str(read.verify_key.parent) == steps.VERIFY_FOLDER
    told = (SCHEDULE / "settings.yaml").read_text(encoding="utf-8")
    assert f"generic {steps.SIGNING_SECRET} --from-file={read.signing_key.name}\n" in told
    assert f"generic {steps.VERIFY_SECRET} --from-file={read.verify_key.name}\n" in told


def test_no_secret_is_in_the_tree(objects: list[Object]) -> None:
    assert "Secret" not in {o["kind"] for o in objects}


def test_the_job_and_its_rules_find_each_other(objects: list[Object]) -> None:
    labels = only(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert only(objects, "ServiceAccount")["metadata"]["name"] == pod_of(objects)["serviceAccountName"]
    (container,) = pod_of(objects)["containers"]
    names = [source["configMapRef"]["name"] for source in container["envFrom"]]
    assert names == [only(objects, "ConfigMap")["metadata"]["name"]]


def test_the_job_submits_a_run_that_takes_nothing_from_the_cache(
    objects: list[Object], api: tuple[str, Received], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host, received = api
    (container,) = pod_of(objects)["containers"]
    for name, value in only(objects, "ConfigMap")["data"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAIRLEAD_KFP_HOST", host)
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))
    assert container["command"] == ["python", "-m", "pipelines"]
    done = CliRunner().invoke(main, container["args"])
    assert done.exit_code == 0, done.output
    (run,) = [body for call, body in received if call == "POST /apis/v2beta1/runs"]
    assert cached(run["pipeline_spec"]["pipeline_spec"]) == []


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH")
def test_kustomize_builds_it(objects: list[Object]) -> None:
    command = ["kubectl", "kustomize", str(SCHEDULE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    assert {(o["kind"], o["metadata"]["name"]) for o in built} == {(o["kind"], o["metadata"]["name"]) for o in objects}
    assert {o["metadata"]["namespace"] for o in built} == {"kubeflow"}
