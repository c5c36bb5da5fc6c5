"""A rollout on the stage: the operator in its pods, and a ModelRollout that somebody starts."""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from components.registry import approvals
from tests.cluster import container_runtime
from tests.cluster.oci import PAUSE
from tests.cluster.processes import until
from tests.cluster.stage import STARTER, Stage

METRICS = [
    {"name": "error_rate", "tolerated": 0.01, "margin": 0.05},
    {"name": "latency", "aboveMs": 50, "tolerated": 0.1, "margin": 0.3},
]
STEPS = [{"weight": 10, "minimumRequests": 100}, {"weight": 50, "minimumRequests": 100}]
SOURCES = {"prometheus": "http://prometheus.monitoring.svc:9090", "stepSeconds": 1, "scrapeSeconds": 1}
SECONDS = 240.0
ANNOTATIONS = {"serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "none"}
_BOUNDS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED = json.dumps({"spec": {"containers": [{"name": "pause", "image": PAUSE, "securityContext": _BOUNDS}]}})
"""What a pod of the pause image is bound by in the models' namespace."""


def start_operator(stage: Stage) -> None:
    """Run the rollout operator as ``manifests/rollout`` has it, its volume a folder of this machine."""
    _give(stage.home)
    metadata = {"name": "fairlead"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "models", "name": "fairlead"}
    spec = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteMany"],
        "hostPath": {"path": str(stage.home), "type": "Directory"},
        "claimRef": claim,
    }
    stage.node.plane.apply([{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}])
    stage.apply("manifests/rollout")
    stage.node.plane.wait_for_definitions()
    stage.kubectl("create", "rolebinding", "people", "--role=fairlead-rollout-starter", f"--user={STARTER}")
    stage.wait("deployment/fairlead-rollout", "Available")


def _give(home: Path) -> None:
    """Let the operator's user write what the volume holds, as a storage class would."""
    for path in [home, *home.rglob("*")]:
        os.chown(path, 10001, 10001)


def model(version: str, service: str = "") -> dict[str, Any]:
    """Return a registered model as a ModelRollout names it.

    Args:
        version: in the registry, and by it in its servers' metrics.
        service: its InferenceService, in mode httproute.
    """
    named = {"model": f"models:/sba_loans/{version}", "labels": {"model": "sba-loans", "version": version}}
    return {**named, **({"service": service} if service else {})}


def slow_service(stage: Stage) -> str:
    """Make an InferenceService of version 2 that answers late, as one does that asks another service first."""
    name = "sba-loans-slow"
    made = json.loads(stage.kubectl("get", "isvc", "sba-loans", "-o", "json"))
    made["metadata"] = {"name": name, "namespace": "models", "annotations": ANNOTATIONS}
    spec = made["spec"]["predictor"]
    spec["model"]["storageUri"] = "models:/sba_loans/2"
    spec["model"]["args"] = ["--name", "sba-loans", "--variant", "canary", "--hooks", "pipelines.bad_candidates:Slow"]
    stage.node.plane.apply([{**{k: made[k] for k in ("apiVersion", "kind", "metadata")}, "spec": {"predictor": spec}}])
    stage.wait(f"isvc/{name}", "Ready")
    return name


def approve(stage: Stage) -> None:
    """Give the approval that the operator has asked for."""
    waiting = [a for a in approvals.approvals(stage.settings, "sba_loans") if a.state == "requested"]
    approvals.approve(stage.settings, waiting[-1].id, "it has shown what it had to")


def start(stage: Stage, name: str, traffic: dict[str, str], stable: dict[str, Any], candidate: dict[str, Any]) -> None:
    """Start a rollout in a person's name.

    Args:
        stage: where.
        name: of the rollout.
        traffic: what shares the requests out.
        stable: the model that reigns.
        candidate: the model that wants to.
    """
    plan = {
        "name": "sba-loans",
        "strategy": "canary",
        "useCase": "sba_loans",
        "metrics": METRICS,
        "steps": STEPS,
        "lookSeconds": 1,
        "approval": True,
    }
    spec = {
        "actor": STARTER,
        "plan": plan,
        "stable": stable,
        "candidate": candidate,
        "traffic": traffic,
        "metrics": {**SOURCES, "settleSeconds": 2},
    }
    document = {"apiVersion": "fairlead.dev/v1", "kind": "ModelRollout", "metadata": {"name": name}, "spec": spec}
    words = ["-n", "models", "create", "-f", "-"]
    stage.node.plane.kubectl(*words, user=STARTER, stdin=yaml.safe_dump(document))


def status(stage: Stage, name: str) -> dict[str, Any]:
    """Return what is known of a rollout."""
    found: dict[str, Any] = json.loads(stage.kubectl("get", "modelrollout", name, "-o", "json")).get("status", {})
    return found


def wait(stage: Stage, name: str, **wanted: object) -> dict[str, Any]:
    """Wait until a rollout's status has some values, and return it."""

    def there() -> bool:
        found = status(stage, name)
        return all(found.get(key) == value for key, value in wanted.items())

    until(there, SECONDS, lambda: f"{name}: {json.dumps(_short(stage, name))}", 1)
    return status(stage, name)


def weights(found: dict[str, Any]) -> list[int]:
    """Return the candidate's shares that were in force, in percent."""
    shares = [entry["weight"] for entry in found.get("weights", [])]
    return [share for i, share in enumerate(shares) if i == 0 or share != shares[i - 1]]


def active(stage: Stage, name: str) -> str:
    """Return the operator's pod that runs a rollout."""
    words = ["get", "lease", f"modelrollout-{name}", "-o", "jsonpath={.spec.holderIdentity}"]
    return stage.kubectl(*words).partition("/")[0]


def kill_in(pod: str, container: str) -> None:
    """Kill the first process of a pod's container, with no chance to tidy up."""
    for line in container_runtime.ctr("tasks", "list").splitlines()[1:]:
        task = line.split()[0]
        labels = json.loads(container_runtime.ctr("containers", "info", task)).get("Labels") or {}
        if labels.get("io.kubernetes.pod.name") == pod and labels.get("io.kubernetes.container.name") == container:
            container_runtime.ctr("tasks", "kill", "--signal", "SIGKILL", task)
            return
    raise AssertionError(f"no container {container} of pod {pod} runs")


def _short(stage: Stage, name: str) -> dict[str, Any]:
    return {k: v for k, v in status(stage, name).items() if k not in ("events", "weights")}
