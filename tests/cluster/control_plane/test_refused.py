"""Wrong manifests, each refused by somebody who is named: schema, KServe's webhook, our policies, pod security."""

import copy
from typing import Any

import pytest

from tests.cluster.api_server import ControlPlane
from tests.specs.rendered import Json, rendered

pytestmark = pytest.mark.control_plane

CANARY: Json = {
    "trafficPercent": 10,
    "predictor": {
        "name": "c2",
        "model": {
            "name": "kserve-container",
            "modelFormat": {"name": "fairlead"},
            "runtime": "fairlead",
            "storageUri": "models:/sba_loans/2",
        },
    },
}


def found(folder: str, kind: str) -> Json:
    """Return a copy of the only object of a kind that a folder renders to."""
    (document,) = [d for d in rendered()[folder] if d["kind"] == kind]
    return copy.deepcopy(document)


def service(mode: str = "Standard", canaries: list[Json] | None = None, **predictor: Any) -> Json:
    """Return our InferenceService with something about it changed."""
    made = found("kserve/base", "InferenceService")
    made["metadata"] |= {"name": "wrong", "annotations": {"serving.kserve.io/deploymentMode": mode} if mode else {}}
    made["spec"]["predictor"] |= predictor
    if mode != "Standard":
        made["spec"]["predictor"].pop("deploymentStrategy", None)
    return made | {"spec": made["spec"] | ({"canary": canaries} if canaries else {})}


def model(**changes: Any) -> Json:
    """Return our predictor's model, changed."""
    return {**found("kserve/base", "InferenceService")["spec"]["predictor"]["model"], **changes}


def canary(**changes: Any) -> Json:
    """Return a canary, its predictor changed where that is named."""
    made = copy.deepcopy(CANARY)
    made["predictor"] |= changes.pop("predictor", {})
    return made | changes


def route(**changes: Any) -> Json:
    """Return a route of ours, changed."""
    made = found("kserve/strategies/bandit", "HTTPRoute")
    made["metadata"]["name"] = "wrong"
    return made | {"spec": made["spec"] | changes}


def runtime() -> Json:
    """Return a runtime whose environment could bring in other code."""
    made = found("kserve/runtime/namespaced", "ServingRuntime")
    made["metadata"]["name"] = "wrong"
    made["spec"]["containers"][0]["env"].append({"name": "PYTHONPATH", "value": "/mnt/models"})
    return made


def pod(**security: Any) -> Json:
    """Return a pod that says too little of its rights, or asks for too many."""
    container = {
        "name": "c",
        "image": "ghcr.io/fairlead/fairlead-serving:0.1.0",
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
            **security,
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "wrong", "namespace": "models"},
        "spec": {"containers": [container]},
    }


SECOND = canary(trafficPercent=95, predictor={"name": "c3"})

WRONG: dict[str, tuple[str, Json]] = {
    # refused by the schema of a definition
    "a word for a share": ("trafficPercent", service(canaries=[canary(trafficPercent="ten")])),
    "a weight above all that a route has": (
        "weight",
        route(rules=[{"backendRefs": [{"name": "a", "port": 80, "weight": 1_000_001}]}]),
    ),
    "a host that is none": ("hostnames", route(hostnames=["Not A Host"])),
    "more rules than a route has": ("rules", route(rules=[{"backendRefs": []}] * 17)),
    # refused by the API server's strict reading
    "a field that is misspelt": ("canaryTraficPercent", service("Knative", canaryTraficPercent=10)),
    "the old form of a transformer": (
        "custom",
        service() | {"spec": {**service()["spec"], "transformer": {"custom": {"container": {}}}}},
    ),
    # refused by KServe's webhook
    "shares above everything": ("105", service(canaries=[canary(), SECOND])),
    "a share above everything": ("less than or equal to 100", service(canaries=[canary(trafficPercent=101)])),
    "one name twice": ("duplicated|no other has", service(canaries=[canary(), canary()])),
    "a canary without a name": ("name", service(canaries=[canary(predictor={"name": ""})])),
    "a canary that scales": ("maxReplicas", service(canaries=[canary(predictor={"maxReplicas": 4})])),
    "a canary with more pods than the predictor": (
        "must not exceed",
        service(canaries=[canary(predictor={"minReplicas": 9})]),
    ),
    "fewer pods at most than at least": ("[Mm]axReplicas|MinReplicas", service(minReplicas=5, maxReplicas=2)),
    "a variable that would change what is imported": ("PYTHONPATH", runtime()),
    # refused by the policies of manifests/access
    "the field that mode Standard passes over": ("canaryTrafficPercent", service(canaryTrafficPercent=10)),
    "spec.canary in mode Knative": (
        "not for mode Knative|only supported in Standard",
        service("Knative", canaries=[canary()]),
    ),
    "somebody else's image": ("image", service(model=model(image="docker.io/somebody/server:1.0"))),
    "a model from anywhere": (
        "storageUri begins with",
        service(model=model(storageUri="https://somewhere.example.com/model.bin")),
    ),
    # refused by pod security
    "a pod that may be root": ("runAsNonRoot", pod(runAsNonRoot=False)),
    "a pod with a capability": ("capabilities", pod(capabilities={"add": ["NET_ADMIN"]})),
    "a privileged pod": ("privileged", pod(privileged=True, allowPrivilegeEscalation=True)),
}
"""Case → a word of the refusal, and the object."""


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_wrong_manifest_is_refused(our_cluster: ControlPlane, case: str) -> None:
    words, document = WRONG[case]
    with pytest.raises(AssertionError, match=words):
        our_cluster.apply([document], "admin", "--dry-run=server")


@pytest.mark.parametrize("document", [service(), service(canaries=[canary()]), route(), pod()])
def test_what_the_wrong_ones_were_made_from_is_taken(our_cluster: ControlPlane, document: Json) -> None:
    """So each is refused for what is wrong with it, and for nothing else."""
    our_cluster.apply([document], "admin", "--dry-run=server")


def test_a_mode_that_is_not_named_is_kserves_default(our_cluster: ControlPlane) -> None:
    """KServe's webhook writes it before any policy looks, so none can ask for it; ``fairlead rollout lint`` does."""
    said = our_cluster.apply([service("")], "admin", "--dry-run=server", "-o", "yaml")
    assert "serving.kserve.io/deploymentMode: Standard" in said


def test_a_mode_cannot_be_changed_under_a_model(our_cluster: ControlPlane) -> None:
    our_cluster.apply(rendered()["kserve/runtime"])
    our_cluster.apply([service()])
    try:
        with pytest.raises(AssertionError, match=r"deploymentMode|deployment mode"):
            our_cluster.apply([service("Knative")], "admin", "--force-conflicts")
    finally:
        our_cluster.kubectl("-n", "models", "delete", "inferenceservice", "wrong", "--timeout=60s", seconds=90)
