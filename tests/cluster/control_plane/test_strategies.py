"""What KServe's own controller makes of each strategy and component: Deployments, Services, routes, autoscalers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.api_server import ControlPlane
from tests.cluster.processes import until
from tests.specs.rendered import Json, rendered

pytestmark = pytest.mark.control_plane

PATIENCE = 90.0
MADE = "deployments,services,httproutes,horizontalpodautoscalers,scaledobjects"


@contextmanager
def applied(our_cluster: ControlPlane, folder: str, has: Callable[["Namespace"], bool]) -> Iterator["Namespace"]:
    """Apply a folder beside the runtime, wait until what it asks for is there, and take it away again."""
    objects = [d for d in rendered()[folder] if d["kind"] != "Namespace"]
    our_cluster.apply(rendered()["kserve/runtime"])
    our_cluster.apply(objects)
    try:
        until(lambda: has(Namespace(our_cluster)), PATIENCE, lambda: str(Namespace(our_cluster)))
        yield Namespace(our_cluster)
    finally:
        services = [d["metadata"]["name"] for d in objects if d["kind"] == "InferenceService"]
        our_cluster.kubectl(
            "-n", "models", "delete", "inferenceservices,httproutes", "--all", "--timeout=60s", seconds=90
        )
        until(lambda: not Namespace(our_cluster).of(services), PATIENCE, lambda: str(Namespace(our_cluster)))


class Namespace:
    """What stands in `models` at this moment."""

    def __init__(self, our_cluster: ControlPlane) -> None:
        self.objects: list[Json] = our_cluster.get("-n", "models", f"{MADE},inferenceservices")["items"]

    def names(self, kind: str) -> set[str]:
        return {d["metadata"]["name"] for d in self.objects if d["kind"] == kind}

    def one(self, kind: str, name: str) -> Json:
        return next(d for d in self.objects if (d["kind"], d["metadata"]["name"]) == (kind, name))

    def weights(self, route: str) -> dict[str, int]:
        rule = self.one("HTTPRoute", route)["spec"]["rules"][-1]
        return {ref["name"]: ref.get("weight", 1) for ref in rule["backendRefs"]}

    def of(self, services: list[str]) -> list[str]:
        owners = [o["name"] for d in self.objects for o in d["metadata"].get("ownerReferences", [])]
        return [name for name in services if name in owners]

    def container(self, deployment: str) -> Any:
        spec = self.one("Deployment", deployment)["spec"]["template"]["spec"]
        return next(c for c in spec["containers"] if c["name"] == "kserve-container")

    def __str__(self) -> str:
        told = [f"{d['kind']} {d['metadata']['name']}: {d.get('status')}" for d in self.objects]
        return "\n".join(told)[-4000:]


def test_a_predictor_gets_pods_a_service_and_a_way_in(our_cluster: ControlPlane) -> None:
    def there(found: Namespace) -> bool:
        return "sba-loans" in found.names("HTTPRoute")

    with applied(our_cluster, "kserve/base", there) as found:
        assert {n for n in found.names("Deployment") if n.startswith("sba-loans")} == {"sba-loans-predictor"}
        container = found.container("sba-loans-predictor")
        assert container["args"][:4] == ["--bundle", "/mnt/models", "--origin", "$(ORIGIN)"]
        assert container["args"][4:6] == ["--name", "sba-loans"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
        assert found.weights("sba-loans") == {"sba-loans-predictor": 1}
        # More than one where another form of the service was there before.
        pod, *_ = our_cluster.get("-n", "models", "pods", "-l", "serving.kserve.io/inferenceservice=sba-loans")["items"]
        source = "internal.serving.kserve.io/storage-initializer-sourceuri"
        assert pod["metadata"]["annotations"][source] == "models:/sba_loans/1"  # from which the server's ORIGIN comes
        (fetches,) = pod["spec"]["initContainers"]
        assert fetches["command"] == ["python", "-m", "components.serving.fetch"]
        assert fetches["args"] == ["models:/sba_loans/1", "/mnt/models"]
        assert fetches["securityContext"]["runAsUser"] == 10001


def test_a_canary_gets_pods_of_its_own_and_our_route_the_share(our_cluster: ControlPlane) -> None:
    canary = "sba-loans-c5aa3eaff-predictor"

    def there(found: Namespace) -> bool:
        statuses = found.one("InferenceService", "sba-loans").get("status", {}).get("canaryStatuses", [])
        return "sba-loans" in found.names("HTTPRoute") and [s["ready"] for s in statuses] == [True]

    with applied(our_cluster, "kserve/strategies/canary-standard", there) as found:
        service = found.one("InferenceService", "sba-loans")
        assert [s["trafficPercent"] for s in service["status"]["canaryStatuses"]] == [10]
        assert {canary, "sba-loans-predictor"} <= found.names("Service")
        (ours,) = [n for n in found.names("HTTPRoute") if canary in found.weights(n)]
        assert found.weights(ours) == {canary: 10, "sba-loans-predictor": 90}
        # The reason for ours: the day that KServe's own route shares requests out, this tells.
        assert found.weights("sba-loans") == {"sba-loans-predictor": 1}
        assert found.one("Deployment", canary)["spec"]["replicas"] >= 1


@pytest.mark.parametrize("strategy", ["shadow", "blue-green", "ab", "bandit"])
def test_two_services_stand_behind_a_route_of_ours(our_cluster: ControlPlane, strategy: str) -> None:
    pair = ("sba-loans-1", "sba-loans-2")

    def there(found: Namespace) -> bool:
        return {f"{name}-predictor" for name in pair} <= found.names("Service") and "sba-loans" in found.names(
            "HTTPRoute"
        )

    with applied(our_cluster, f"kserve/strategies/{strategy}", there) as found:
        rules = found.one("HTTPRoute", "sba-loans")["spec"]["rules"]
        sides = {ref["name"] for rule in rules for ref in rule["backendRefs"]}
        copies = {f["requestMirror"]["backendRef"]["name"] for rule in rules for f in rule.get("filters", [])}
        assert sides | copies == {"sba-loans-1-predictor", "sba-loans-2-predictor"}
        assert sides | copies <= found.names("Service")
        assert copies == ({"sba-loans-2-predictor"} if strategy == "shadow" else set())
        # Both answer to one name, so that a request's path is the same for both.
        assert all("sba-loans" in found.container(f"{name}-predictor")["args"] for name in pair)


def test_an_explainer_gets_its_place_beside_the_predictor(our_cluster: ControlPlane) -> None:
    def there(found: Namespace) -> bool:
        return {"sba-loans-predictor", "sba-loans-explainer"} <= found.names("Deployment")

    with applied(our_cluster, "kserve/components/explainer", there) as found:
        args = found.container("sba-loans-explainer")["args"]
        assert args[args.index("--predictor_host") + 1].startswith("sba-loans-predictor.models")
        assert args[args.index("--model_name") + 1] == "sba-loans"


def test_kserves_own_explainer_takes_our_attack(our_cluster: ControlPlane) -> None:
    def there(found: Namespace) -> bool:
        return "sba-loans-explainer" in found.names("Deployment")

    with applied(our_cluster, "kserve/components/art-explainer", there) as found:
        container = found.container("sba-loans-explainer")
        assert "SquareAttack" in container["args"]
        assert container["image"].endswith("art-explainer:v0.20.0")


def test_autoscalers_are_those_asked_for(our_cluster: ControlPlane) -> None:
    with applied(our_cluster, "kserve/components/hpa", lambda f: bool(f.names("HorizontalPodAutoscaler"))) as found:
        scaling = found.one("HorizontalPodAutoscaler", "sba-loans-predictor")["spec"]
        assert (scaling["minReplicas"], scaling["maxReplicas"]) == (2, 6)
        assert scaling["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    with applied(our_cluster, "kserve/components/keda", lambda f: bool(f.names("ScaledObject"))) as found:
        (trigger,) = found.one("ScaledObject", "sba-loans-predictor")["spec"]["triggers"]
        assert trigger["type"] == "prometheus"
        assert trigger["metadata"]["threshold"].startswith("200")
        assert found.names("HorizontalPodAutoscaler") == set()


def test_steps_of_ones_own_reach_the_server(our_cluster: ControlPlane) -> None:
    def there(found: Namespace) -> bool:
        return "sba-loans-predictor" in found.names("Deployment")

    with applied(our_cluster, "kserve/components/collocated-transformer", there) as found:
        container = found.container("sba-loans-predictor")
        assert container["args"][-2:] == ["--hooks", "steps.sba_loans:Steps"]
        assert "/opt/fairlead/steps" in {m["mountPath"] for m in container["volumeMounts"]}
