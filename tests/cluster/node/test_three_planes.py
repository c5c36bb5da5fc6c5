"""One plan on three planes: Envoy on this machine, KServe in Standard mode with Traefik, in Knative mode with Kourier.

Every part is real: models answer from pods and processes, proxies share the requests out, and each answer says which
version gave it. What is counted has to be what the plan asks, and the same on all three.
"""

import json
import os
import re
import signal
import subprocess
import time
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
from tests.cluster.processes import answers, running, tail, until
from tests.cluster.stage import ROOT, Stage
from tests.cluster.steady import steady
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
        lag: seconds from when the gateway says that it has taken a change to when it acts on it.
    """

    plane: Plane
    gateway: Gateway
    lag: float = 0.0


@pytest.fixture(scope="module")
def knative_stage(on_stage: Stage) -> Iterator[Stage]:
    """The stage with Knative beside the rest, and what a client here needs of it."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in neighbours.store_environment().items():
            patch.setenv(name, value)
        # The client reads KUBECONFIG when it is imported, which another test may have done.
        for place in ("kubernetes.config", "kubernetes.config.kube_config"):
            patch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(on_stage.node.plane.kubeconfig()))
        knative_pods.run(on_stage.node)
        stack.enter_context(_kserve_anew(on_stage))
        for folder in ("kserve/runtime", "kserve/base/access"):
            on_stage.apply(folder)
        settings = {"AWS_ENDPOINT_URL": f"http://s3.storage.svc:{neighbours.STORE}", "AWS_DEFAULT_REGION": "us-east-1"}
        on_stage.kubectl("patch", "configmap/fairlead", "--type=merge", "-p", json.dumps({"data": settings}))
        yield on_stage


def test_the_same_plan_gives_the_same_shares_on_three_planes(knative_stage: Stage, tmp_path: Path) -> None:
    body = json.dumps(knative_stage.bundle(1).examples()[0]["request"]).encode()
    counts = {}
    # One after the other: together their models would need more memory than a small machine has.
    for name, made in (
        ("envoy", _envoy(knative_stage, body, tmp_path)),
        ("standard", _standard(knative_stage, body)),
        ("knative", _knative(knative_stage, body)),
    ):
        with made as course, steady(course.gateway, 10, 2) as asked:
            counts[name] = _rolled_out(name, course)
        assert asked.failed == [], name
        print(f"{name}: (stable, candidate) {counts[name]}; {sum(asked.versions.values())} asked meanwhile, 0 failed")
    for number, step in enumerate(PLAN.steps):
        assert alike([counted[number] for counted in counts.values()]) > 0.001, (step.weight, counts)


def _rolled_out(name: str, course: Course) -> list[tuple[int, int]]:
    """Take a candidate through the plan, and count what stable model and candidate answer at each step."""
    _bring_about(name, course, Traffic(candidate=0))
    until(lambda: set(course.plane.healthy().values()) == {True}, PATIENCE, lambda: f"{name}: {course.plane.healthy()}")
    found = []
    for step in PLAN.steps:
        _bring_about(name, course, Traffic(candidate=step.weight))
        found.append(_counted(course.gateway, step.weight))
    course.plane.finish("candidate")
    _until(name, course.plane, Traffic())
    time.sleep(course.lag)
    assert count(course.gateway, 200).versions == {"2": 200}, name
    return found


def _bring_about(name: str, course: Course, traffic: Traffic) -> None:
    course.plane.apply(traffic)
    _until(name, course.plane, traffic)
    time.sleep(course.lag)


def _until(name: str, plane: Plane, traffic: Traffic) -> None:
    until(lambda: plane.current() == traffic, PATIENCE, lambda: f"{name}: {plane.current()}, not {traffic}")


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


@contextmanager
def _standard(stage: Stage, body: bytes) -> Iterator[Course]:
    """Give our manifests of a canary in Standard mode, before there is one."""
    found = _rendered("canary-standard")
    service = next(d for d in found if d["kind"] == "InferenceService")
    route = next(d for d in found if d["kind"] == "HTTPRoute")
    route["metadata"]["name"] = ROUTE
    backend = {"name": "standard-predictor", "port": 80, "weight": 100}
    route["spec"] |= {"hostnames": ["standard.example.com"], "rules": [{"backendRefs": [backend]}]}
    with _served(stage, _alone(service, "standard"), route):
        plane = StandardPlane(KubernetesCluster("models"), "standard", CANDIDATE, route=ROUTE)
        gateway = Gateway("127.0.0.1", stage.port, "/v2/models/standard/infer", body, "standard.example.com")
        # Traefik acts on what it has accepted at most every two seconds.
        yield Course(plane, gateway, lag=3.0)


@contextmanager
def _knative(stage: Stage, body: bytes) -> Iterator[Course]:
    """Give our manifest of a canary in Knative mode, before there is one."""
    service = next(d for d in _rendered("canary-knative") if d["kind"] == "InferenceService")
    with _served(stage, _alone(service, "knative")):
        plane = KnativePlane(KubernetesCluster("models"), "knative", STABLE, CANDIDATE)
        host = "knative-predictor.models.example.com"
        yield Course(plane, Gateway(ADDRESS, kourier.PORT, "/v2/models/knative/infer", body, host))


@contextmanager
def _served(stage: Stage, service: dict[str, Any], *others: dict[str, Any]) -> Iterator[None]:
    """Apply an InferenceService and what belongs to it, wait until it is ready, and take all away at the end."""
    stage.node.plane.apply([service, *others])
    names = [f"{d['kind'].lower()}/{d['metadata']['name']}" for d in (service, *others)]
    try:
        stage.wait(names[0], "Ready")
        yield
    finally:
        stage.kubectl("delete", *names)


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
