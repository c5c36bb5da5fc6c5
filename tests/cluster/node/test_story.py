"""A model's way on a real node: ready, answering, a canary counted, rolled back or promoted, and processes killed."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.standard import StandardPlane, canary_name
from components.rollout.traffic import Traffic
from tests.cluster import rollouts
from tests.cluster.counting import Gateway, bounds, count
from tests.cluster.oci import PAUSE
from tests.cluster.processes import answers, until
from tests.cluster.stage import PATIENCE, Stage
from tests.cluster.steady import Asked, steady

pytestmark = [pytest.mark.node, pytest.mark.timeout(3600)]

CANARY = Path(__file__).parent / "canary"
ROUTE = "sba-loans-shared"
HOST = "sba-loans.example.com"
NUMBER = 1000
OLD, NEW = "1", "2"
"""Versions in the registry, and so in each answer."""


@pytest.fixture(scope="module")
def gateway(on_stage: Stage) -> Iterator[Gateway]:
    """Where clients ask: the route that shares the requests out. What the story needs goes with it."""
    on_stage.apply("kserve/overlays/kind")
    on_stage.wait("isvc/sba-loans", "Ready")
    example = on_stage.bundle(1).examples()[0]
    body = json.dumps(example["request"]).encode()
    found = Gateway("127.0.0.1", on_stage.port, "/v2/models/sba-loans/infer", body, HOST)
    until(lambda: not count(found, 1, 1).failed, PATIENCE, on_stage.told, 1)
    yield found
    on_stage.kubectl("delete", "isvc,httproutes", "--all")
    until(lambda: serving(on_stage) == [], PATIENCE, on_stage.told, 1)


def test_a_registered_model_answers_as_it_does_in_process(on_stage: Stage, gateway: Gateway) -> None:
    bundle = on_stage.bundle(1)
    for example in bundle.examples():
        answer = ask(gateway, example["request"])
        outputs = {o["name"]: o["data"] for o in answer["outputs"]}
        assert outputs["probability"] == pytest.approx([example["probability"]], abs=1e-6)
        assert outputs["decision"] == [example["decision"]]
        assert answer["model_version"] == OLD


@pytest.mark.parametrize("percent", [10, 20, 50])
def test_a_canary_gets_its_share(on_stage: Stage, gateway: Gateway, percent: int) -> None:
    with_canary(on_stage).apply(Traffic(candidate=percent))
    moved(on_stage, gateway, NEW)
    counted = count(gateway, NUMBER)
    low, high = bounds(NUMBER, percent)
    print(f"canary at {percent} %: {dict(counted.versions)} of {NUMBER}, allowed {low} to {high}")
    assert counted.failed == []
    assert low <= counted.versions[NEW] <= high
    assert counted.versions[OLD] + counted.versions[NEW] == NUMBER


def test_a_slow_candidate_is_rolled_back(on_stage: Stage, gateway: Gateway) -> None:
    """It answers all that it is asked, so what fails is the rollout's doing and nobody else's."""
    plane(on_stage).finish("stable")
    rollouts.start_operator(on_stage)
    slow = rollouts.slow_service(on_stage)
    models = rollouts.model(OLD, "sba-loans"), rollouts.model(NEW, slow)
    with steady(gateway, 100, 8) as asked:
        rollouts.start(on_stage, "slow", {"mode": "httproute", "name": ROUTE}, *models)
        found = rollouts.wait(on_stage, "slow", settled=True)
    told("rollback", asked, found)
    assert found["phase"] == "rolled_back"
    assert "latency" in found["reason"]
    assert rollouts.weights(found)[-1] == 0
    assert asked.versions[NEW] > 0
    assert asked.failed == []
    assert only(gateway) == OLD
    on_stage.kubectl("delete", "isvc", slow)


def test_a_good_candidate_is_promoted_though_its_operator_is_killed(on_stage: Stage, gateway: Gateway) -> None:
    with_canary(on_stage).apply(Traffic())
    models = rollouts.model(OLD), rollouts.model(NEW)
    with steady(gateway, 100, 8) as asked:
        rollouts.start(on_stage, "good", {"mode": "standard", "name": "sba-loans", "route": ROUTE}, *models)
        rollouts.wait(on_stage, "good", weight=10)
        rollouts.kill_in(rollouts.active(on_stage, "good"), "operator")
        rollouts.wait(on_stage, "good", phase="awaiting_approval")
        rollouts.approve(on_stage)
        found = rollouts.wait(on_stage, "good", settled=True)
        until(lambda: only(gateway) == NEW, PATIENCE, on_stage.told, 1)
    told("promotion", asked, found)
    assert found["phase"] == "promoted"
    assert rollouts.weights(found) == [10, 50, 100]
    assert asked.failed == []
    service = json.loads(on_stage.kubectl("get", "isvc", "sba-loans", "-o", "json"))
    assert service["spec"]["predictor"]["name"] == canary_name("models:/sba_loans/2")
    on_stage.kubectl("scale", "deployment/fairlead-rollout", "--replicas=0")
    assert on_stage.champion() == 2


@pytest.mark.parametrize("name", ["kubelet", "containerd", "kube-proxy"])
def test_traffic_goes_on_while_a_part_of_the_node_is_killed(on_stage: Stage, gateway: Gateway, name: str) -> None:
    with steady(gateway) as asked:
        on_stage.node.kill(name)
        time.sleep(3)
        on_stage.node.revive(name)
        recovered(on_stage, f"after-{name}")
    told(f"{name} killed", asked)
    assert asked.failed == []


def test_a_killed_server_is_started_anew_while_another_answers(on_stage: Stage, gateway: Gateway) -> None:
    two = json.dumps({"spec": {"predictor": {"minReplicas": 2}}})
    on_stage.kubectl("patch", "isvc", "sba-loans", "--type=merge", "-p", two)
    until(lambda: len(serving(on_stage)) == 2, PATIENCE, on_stage.told, 1)
    first = serving(on_stage)[0]
    with steady(gateway) as asked:
        rollouts.kill_in(first, "kserve-container")
        until(lambda: len(serving(on_stage)) == 1, PATIENCE, on_stage.told, 0.2)
        until(lambda: len(serving(on_stage)) == 2, PATIENCE, on_stage.told, 1)
        time.sleep(2)
        before = len(asked.failed)
        time.sleep(3)
    told("server killed", asked)
    # What was under way, and what came before the endpoint was taken away, could fail; nothing after that.
    assert len(asked.failed) == before
    assert len(asked.failed) < 0.25 * asked.versions.total()


def plane(stage: Stage) -> StandardPlane:
    """Return what shares requests out, as the node's administrator."""
    with pytest.MonkeyPatch.context() as patch:
        for place in ("kubernetes.config", "kubernetes.config.kube_config"):
            patch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(stage.node.plane.kubeconfig()))
        cluster = KubernetesCluster("models")
    return StandardPlane(cluster, "sba-loans", "models:/sba_loans/2", ROUTE)


def with_canary(stage: Stage) -> StandardPlane:
    """Bring version 2 in as a canary, as its manifest has it, and wait until it can answer."""
    made = plane(stage)
    if not made.healthy().get("candidate"):
        stage.apply(str(CANARY))
        until(lambda: made.healthy().get("candidate", False), PATIENCE, stage.told, 1)
    return made


def ask(gateway: Gateway, request: dict[str, Any]) -> Any:
    """Ask once and return the answer."""
    url = f"http://{gateway.address}:{gateway.port}{gateway.path}"
    headers = {"Host": gateway.host, "Content-Type": "application/json"}
    made = urllib.request.Request(url, json.dumps(request).encode(), headers)
    with urllib.request.urlopen(made, timeout=20) as answer:  # noqa: S310  our own loopback URL
        return json.load(answer)


def moved(stage: Stage, gateway: Gateway, version: str) -> None:
    """Wait until the gateway follows a route that gives a version some requests, and has done so for a moment."""
    words = ["get", "httproute", ROUTE, "-o", "jsonpath={.metadata.generation}/{.status.parents[0].conditions[0]"]

    def taken() -> bool:
        now, _, seen = stage.kubectl(*words[:-1], f"{words[-1]}.observedGeneration}}").partition("/")
        return now == seen

    until(taken, PATIENCE, stage.told, 0.5)
    until(lambda: count(gateway, 50).versions[version] > 0, PATIENCE, stage.told, 0.5)
    time.sleep(2)


def only(gateway: Gateway) -> str:
    """Return the one version that answers; empty when there are several, or a request fails."""
    counted = count(gateway, 50)
    return "" if counted.failed or len(counted.versions) != 1 else next(iter(counted.versions))


def recovered(stage: Stage, name: str) -> None:
    """Wait until the node starts a new pod, and leads a new Service to a pod: all its parts are at work then."""
    until(stage.node.ready, PATIENCE, stage.told, 0.5)
    stage.kubectl("run", name, f"--image={PAUSE}", "--restart=Never", f"--overrides={rollouts.RESTRICTED}")
    stage.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=100s")
    stage.kubectl("expose", "pod", serving(stage)[0], f"--name={name}", "--port=80", "--target-port=8080")
    address = stage.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}")
    until(lambda: answers(f"http://{address}/v2/health/live"), PATIENCE, stage.told, 0.5)
    stage.kubectl("delete", f"pod/{name}", f"service/{name}", "--now")


def serving(stage: Stage) -> list[str]:
    """Return the model's pods that are ready."""
    items = json.loads(stage.kubectl("get", "pods", "-l", "component=predictor", "-o", "json"))["items"]
    ready = [{c["type"]: c["status"] for c in i["status"].get("conditions", [])}.get("Ready") == "True" for i in items]
    names = [i["metadata"]["name"] for i, is_so in zip(items, ready, strict=True) if is_so]
    return [name for name in names if not name.startswith("sba-loans-slow")]


def told(what: str, asked: Asked, found: dict[str, Any] | None = None) -> None:
    """Print what came of the requests, failed or not."""
    line = f"{what}: {asked.versions.total()} answered, {len(asked.failed)} failed {asked.failed[:3]}"
    print(line + (f"; {found['phase']}, shares {rollouts.weights(found)}: {found['reason']}" if found else ""))
