"""KServe's Knative mode with Knative itself: what a share of the requests becomes, down to the orders for the gateway.

No pod runs here, so the two words that only running things can give are the test's: the autoscaler's that a revision's
pod is ready, and the gateway's that it has taken its orders. All else is said by the controllers.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.core.errors import FairleadError
from components.rollout.planes.cluster import KubernetesCluster, conditions
from components.rollout.planes.knative import KnativePlane
from components.rollout.traffic import Traffic
from tests.cluster import programs
from tests.cluster.api_server import PARTS, ControlPlane, Options, control_plane
from tests.cluster.knative import CONTROL, KNATIVE, QUEUE, knative
from tests.cluster.kserve import kserve
from tests.cluster.processes import until
from tests.rollout.planes.cluster_api import service

MISSING = programs.missing(*PARTS, *CONTROL, "kserve-manager")
pytestmark = [pytest.mark.control_plane, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

STABLE, CANDIDATE = "gs://models/sba/1", "gs://models/sba/2"
FIRST, SECOND = "sba-predictor-00001", "sba-predictor-00002"
PATIENCE = 60.0
AUTOSCALERS = "podautoscalers.autoscaling.internal.knative.dev"
INGRESSES = "ingresses.networking.internal.knative.dev"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with Knative, KServe, a runtime, and an InferenceService that is ready."""
    folder = tmp_path_factory.mktemp("knative-mode")
    try:
        with control_plane(folder, {}, Options()) as made, knative(made), kserve(made, KNATIVE):
            made.kubectl("create", "namespace", "models")
            made.apply([RUNTIME])
            asked = service("sba", "Knative", STABLE)
            asked["metadata"]["namespace"] = "models"
            made.apply([asked])
            until(lambda: _ready(made), PATIENCE, lambda: _story(made))
            yield made
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def rollout(plane: ControlPlane) -> Iterator[KnativePlane]:
    """Our traffic plane on it."""
    with pytest.MonkeyPatch.context() as patch:
        # The client reads KUBECONFIG when it is imported, which another test may have done.
        for place in ("kubernetes.config", "kubernetes.config.kube_config"):
            patch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(plane.kubeconfig()))
        yield KnativePlane(KubernetesCluster("models"), "sba", STABLE, CANDIDATE)


def test_an_inference_service_becomes_a_revision_behind_knatives_sidecar(plane: ControlPlane) -> None:
    made = plane.get("-n", "models", "services.serving.knative.dev", "sba-predictor")
    assert made["status"]["latestReadyRevisionName"] == FIRST
    assert made["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
    (deployment,) = plane.get("-n", "models", "deployments", "-l", f"serving.knative.dev/revision={FIRST}")["items"]
    images = {c["name"]: c["image"] for c in deployment["spec"]["template"]["spec"]["containers"]}
    assert images == {"kserve-container": IMAGE, "queue-proxy": QUEUE}


def test_shares_become_traffic_of_two_revisions(plane: ControlPlane, rollout: KnativePlane) -> None:
    for share in (10, 20, 50):
        rollout.apply(Traffic(candidate=share))
        until(lambda share=share: _in_force(plane, rollout, share), PATIENCE, lambda: _story(plane))  # type: ignore[misc]
        made = plane.get("-n", "models", "services.serving.knative.dev", "sba-predictor")
        assert made["spec"]["traffic"] == [
            {"latestRevision": True, "percent": share},
            {"latestRevision": False, "percent": 100 - share, "revisionName": FIRST, "tag": "prev"},
        ]
        assert _orders(plane) == {FIRST: 100 - share, SECOND: share}
        assert rollout.healthy() == {"stable": True, "candidate": True}


def test_a_change_that_knative_does_not_see_hides_nothing(plane: ControlPlane, rollout: KnativePlane) -> None:
    patch = json.dumps({"spec": {"predictor": {"model": {"runtime": "fairlead"}}}})
    plane.kubectl("-n", "models", "patch", "inferenceservice", "sba", "--type=merge", "-p", patch)
    found = plane.get("-n", "models", "inferenceservice", "sba")
    assert found["status"]["observedGeneration"] < found["metadata"]["generation"]
    assert rollout.current() == Traffic(candidate=50)
    rollout.apply(Traffic(candidate=60))
    until(lambda: _in_force(plane, rollout, 60), PATIENCE, lambda: _story(plane))


def test_a_candidate_that_wins_gets_everything(plane: ControlPlane, rollout: KnativePlane) -> None:
    rollout.finish("candidate")
    until(lambda: _in_force(plane, rollout, 0), PATIENCE, lambda: _story(plane))
    assert _orders(plane) == {SECOND: 100}
    with pytest.raises(FairleadError, match="has had everything"):
        rollout.apply(Traffic(candidate=10))


def test_knatives_webhook_refuses_shares_that_do_not_make_a_hundred(plane: ControlPlane) -> None:
    traffic = [{"latestRevision": True, "percent": 60}, {"revisionName": FIRST, "percent": 60}]
    patch = json.dumps({"spec": {"traffic": traffic}})
    words = ["-n", "models", "patch", "services.serving.knative.dev", "sba-predictor", "--type=merge", "-p", patch]
    assert "Traffic targets sum to 120, want 100" in plane.kubectl(*words, check=False)


IMAGE = "ghcr.io/fairlead/fairlead-serving:0.1.0"
RUNTIME: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "fairlead"},
    "spec": {
        "supportedModelFormats": [{"name": "fairlead", "version": "1", "autoSelect": True}],
        "protocolVersions": ["v1", "v2"],
        "containers": [{"name": "kserve-container", "image": IMAGE, "args": ["--name", "{{.Name}}"]}],
    },
}


def _in_force(plane: ControlPlane, rollout: KnativePlane, share: int) -> bool:
    return _ready(plane) and rollout.current() == Traffic(candidate=share)


def _ready(plane: ControlPlane) -> bool:
    """Say what autoscaler and gateway would say, and whether the InferenceService is ready."""
    for found in plane.get("-n", "models", AUTOSCALERS)["items"]:
        name = found["metadata"]["name"]
        words = ["Active", "ScaleTargetInitialized", "SKSReady", "Ready"]
        _say(plane, AUTOSCALERS, found, words, {"serviceName": name, "actualScale": 1, "desiredScale": 1})
    for found in plane.get("-n", "models", INGRESSES)["items"]:
        where = {"ingress": [{"domainInternal": "kourier-internal.kourier-system.svc.cluster.local"}]}
        balancers = {"publicLoadBalancer": where, "privateLoadBalancer": where}
        _say(plane, INGRESSES, found, ["LoadBalancerReady", "NetworkConfigured", "Ready"], balancers)
    return conditions(plane.get("-n", "models", "inferenceservice", "sba").get("status", {})).get("Ready", False)


def _say(plane: ControlPlane, kind: str, found: dict[str, Any], words: list[str], status: dict[str, Any]) -> None:
    generation = found["metadata"]["generation"]
    if found.get("status", {}).get("observedGeneration") == generation:
        return
    status["observedGeneration"] = generation
    status["conditions"] = [{"type": w, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"} for w in words]
    how = ["patch", kind, found["metadata"]["name"], "--subresource=status", "--type=merge"]
    plane.kubectl("-n", "models", *how, "-p", json.dumps({"status": status}))


def _orders(plane: ControlPlane) -> dict[str, int]:
    """Return how the gateway is told to share out requests for the InferenceService's own host."""
    (found,) = plane.get("-n", "models", INGRESSES)["items"]
    rule = next(r for r in found["spec"]["rules"] if "sba-predictor.models.example.com" in r["hosts"])
    return {s["serviceName"]: s["percent"] for s in rule["http"]["paths"][0]["splits"]}


def _story(plane: ControlPlane) -> str:
    """Return what is known where something does not come."""
    kinds = f"inferenceservices,ksvc,configurations,revisions,routes,{AUTOSCALERS},{INGRESSES}"
    return plane.kubectl("-n", "models", "get", kinds, "-o", "yaml", check=False)[-6000:]
