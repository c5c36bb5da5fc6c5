"""One plan on three planes: Envoy on this machine, KServe in Standard mode with Traefik, in Knative mode with Kourier.

Every part is real: models answer from pods and processes, proxies share the requests out, and each answer says which
version gave it. What is counted has to be what the plan asks, and the same on all three.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.envoy import EnvoyPlane
from components.rollout.planes.knative import KnativePlane
from components.rollout.planes.standard import StandardPlane
from components.rollout.traffic import VARIANTS, Plane, Traffic
from components.serving.process import serving
from tests.cluster import knative_pods, kourier, neighbours
from tests.cluster.counting import Gateway, alike, bounds, count
from tests.cluster.network import ADDRESS
from tests.cluster.processes import running, tail, until
from tests.cluster.stage import ROOT, Stage
from tests.cluster.steady import steady
from tests.cluster.whole_node import answers
from tests.rollout.planes.upstream import envoy, new_proxy

MISSING = knative_pods.missing()
pytestmark = [pytest.mark.node, pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.timeout(1800)]

STABLE, CANDIDATE = "models:/sba_loans/1", "models:/sba_loans/2"
"""Answers of the first call themselves version 1, those of the other version 2."""
PLAN = Plan(
    name="three-planes",
    strategy="canary",
    use_case="sba_loans",
    metrics=(Metric(name="error_rate", margin=0.01),),
    steps=tuple(Step(weight=weight) for weight in (10, 20, 50)),
)
ROUTE = "standard-shared"
"""KServe has a route of its own under the InferenceService's name."""
REQUESTS = 1000
PATIENCE = 240.0
RESOURCES = {"requests": {"cpu": "50m", "memory": "300Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


@dataclass(frozen=True)
class Course:
    """One plane and the way to it.

    Args:
        plane: ours.
        gateway: that carries its requests.
    """

    plane: Plane
    gateway: Gateway


@pytest.fixture(scope="module")
def courses(on_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Course]]:
    """The three planes, each with the stable model alone."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in neighbours.store_environment().items():
            patch.setenv(name, value)
        body = json.dumps(on_stage.bundle(1).examples()[0]["request"]).encode()
        knative_pods.run(on_stage.node)
        stack.enter_context(_kserve_anew(on_stage))
        served = ("inferenceservice/standard", "inferenceservice/knative", f"httproute/{ROUTE}")
        stack.callback(
            on_stage.kubectl, "delete", "--ignore-not-found", *served
        )  # while KServe is there, which has a say in it
        _serve(on_stage)
        # The client reads KUBECONFIG when it is imported, which another test may have done.
        for place in ("kubernetes.config", "kubernetes.config.kube_config"):
            patch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(on_stage.node.plane.kubeconfig()))
        cluster = KubernetesCluster("models")
        on_node = {
            "standard": Course(
                StandardPlane(cluster, "standard", CANDIDATE, route=ROUTE),
                Gateway("127.0.0.1", on_stage.port, "/v2/models/standard/infer", body, "standard.example.com"),
            ),
            "knative": Course(
                KnativePlane(cluster, "knative", STABLE, CANDIDATE),
                Gateway(
                    ADDRESS, kourier.PORT, "/v2/models/knative/infer", body, "knative-predictor.models.example.com"
                ),
            ),
        }
        yield {"envoy": stack.enter_context(_envoy(on_stage, body, tmp_path_factory.mktemp("envoy"))), **on_node}


def test_the_same_plan_gives_the_same_shares_on_three_planes(courses: dict[str, Course]) -> None:
    with ExitStack() as stack:
        asking = {name: stack.enter_context(steady(course.gateway, 10, 2)) for name, course in courses.items()}
        for name, course in courses.items():
            _bring_about(name, course.plane, Traffic(candidate=0))
        for name, course in courses.items():
            _until_healthy(name, course.plane)
        for step in PLAN.steps:
            pairs = {}
            for name, course in courses.items():
                _bring_about(name, course.plane, Traffic(candidate=step.weight))
                pairs[name] = _counted(course.gateway, step.weight)
            print(f"{step.weight} %, answers of (stable, candidate): {pairs}")
            assert alike(list(pairs.values())) > 0.001, pairs
        for name, course in courses.items():
            course.plane.finish("candidate")
            _until(name, course.plane, Traffic())
            assert count(course.gateway, 200).versions == {"2": 200}, name
    assert {name: asked.failed for name, asked in asking.items()} == {name: [] for name in courses}
    print({name: f"{sum(asked.versions.values())} asked meanwhile, 0 failed" for name, asked in asking.items()})


def _bring_about(name: str, plane: Plane, traffic: Traffic) -> None:
    plane.apply(traffic)
    _until(name, plane, traffic)


def _until(name: str, plane: Plane, traffic: Traffic) -> None:
    until(lambda: plane.current() == traffic, PATIENCE, lambda: f"{name}: {plane.current()}, not {traffic}")


def _until_healthy(name: str, plane: Plane) -> None:
    until(lambda: set(plane.healthy().values()) == {True}, PATIENCE, lambda: f"{name}: {plane.healthy()}")


def _counted(gateway: Gateway, percent: int) -> tuple[int, int]:
    """Count a share; one count in a hundred is off by chance alone, so a second one decides."""
    low, high = bounds(REQUESTS, percent)
    for _ in range(2):
        counted = count(gateway, REQUESTS)
        assert counted.failed == [], counted.failed[:5]
        assert counted.versions.keys() == set("12")
        if low <= counted.versions["2"] <= high:
            break
    assert low <= counted.versions["2"] <= high, (percent, counted.versions)
    return counted.versions["1"], counted.versions["2"]


@contextmanager
def _envoy(stage: Stage, body: bytes, folder: Path) -> Iterator[Course]:
    """Give a real Envoy before two servers of this machine."""
    proxy = new_proxy(folder / "envoy")
    with ExitStack() as stack:
        stack.enter_context(envoy(proxy))
        plane = EnvoyPlane(proxy)
        for number, variant in enumerate(VARIANTS, 1):
            log = folder / f"{variant}.log"
            options = ("--name", "sba", "--origin", f"models:/sba_loans/{number}")
            server = serving(str(stage.bundle(number).path), stage.settings, log, options=options)
            plane.point(variant, int(stack.enter_context(server).url.rpartition(":")[2]))
        yield Course(plane, Gateway("127.0.0.1", proxy.port, "/v2/models/sba/infer", body))


@contextmanager
def _kserve_anew(stage: Stage) -> Iterator[None]:
    """Start KServe's controller again as it was: it looks for Knative's kinds when it starts, and no later."""
    (old,) = [p for p in Path("/proc").glob("[0-9]*") if _is_child(p, "kserve-manager")]
    command, variables = ((old / name).read_text().rstrip("\0").split("\0") for name in ("cmdline", "environ"))
    environment = dict(variable.split("=", 1) for variable in variables)
    os.kill(int(old.name), signal.SIGKILL)
    until(lambda: not _is_child(old, "kserve-manager"), PATIENCE, lambda: "KServe stays")
    ready = next(word for word in command if word.startswith("--health-probe-addr=")).partition("=")[2]
    log = stage.node.log("kserve-anew")
    with running() as start:
        start(command, log, environment)
        until(lambda: answers(f"http://{ready}/readyz"), PATIENCE, lambda: tail(log))
        yield


def _is_child(process: Path, program: str) -> bool:
    with suppress(OSError):
        parent = re.search(r"^PPid:\t(\d+)", (process / "status").read_text(), re.MULTILINE)
        called = Path((process / "cmdline").read_text().partition("\0")[0]).name
        return parent is not None and int(parent[1]) == os.getpid() and called == program
    return False


def _serve(stage: Stage) -> None:
    """Put an InferenceService in each mode onto the node."""
    for folder in ("kserve/runtime", "kserve/base/access"):
        stage.apply(folder)
    place = {"AWS_ENDPOINT_URL": f"http://s3.storage.svc:{neighbours.STORE}", "AWS_DEFAULT_REGION": "us-east-1"}
    stage.kubectl("patch", "configmap/fairlead", "--type=merge", "-p", json.dumps({"data": place}))
    stage.node.plane.apply([*_standard(), _knative()])
    for name in ("standard", "knative"):
        stage.wait(f"inferenceservice/{name}", "Ready")


def _standard() -> list[dict[str, Any]]:
    """Return our manifests of a canary in Standard mode, before there is one."""
    found = _rendered("canary-standard")
    service = next(d for d in found if d["kind"] == "InferenceService")
    route = next(d for d in found if d["kind"] == "HTTPRoute")
    route["metadata"]["name"] = ROUTE
    backend = {"name": "standard-predictor", "port": 80, "weight": 100}
    route["spec"] |= {"hostnames": ["standard.example.com"], "rules": [{"backendRefs": [backend]}]}
    return [_alone(service, "standard"), route]


def _knative() -> dict[str, Any]:
    """Return our manifest of a canary in Knative mode, before there is one."""
    return _alone(next(d for d in _rendered("canary-knative") if d["kind"] == "InferenceService"), "knative")


def _alone(service: dict[str, Any], name: str) -> dict[str, Any]:
    service["metadata"] |= {"name": name, "namespace": "models"}
    service["spec"].pop("canary", None)
    predictor = service["spec"]["predictor"]
    predictor.pop("canaryTrafficPercent", None)
    predictor["model"] |= {"storageUri": STABLE, "resources": RESOURCES}
    return service


def _rendered(strategy: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(ROOT / "kserve" / "strategies" / strategy)]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [d for d in yaml.safe_load_all(text) if d]
