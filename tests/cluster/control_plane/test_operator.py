"""The operator as a process, twice, against a real API server: run by ``make test-control-plane``."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.ledger import Ledger
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.knative import KnativePlane
from components.rollout.planes.standard import StandardPlane
from components.rollout.traffic import Traffic
from tests.cluster.api_server import ControlPlane, control_plane, missing
from tests.cluster.control_plane.plans import BAD, GOOD
from tests.cluster.control_plane.world import World, living, write_status
from tests.cluster.programs import module_folder
from tests.rollout.planes.cluster_api import route, service

pytestmark = [pytest.mark.control_plane, pytest.mark.skipif(bool(missing()), reason=missing())]

ROOT = Path(__file__).parents[3]
OPERATOR = "system:serviceaccount:models:fairlead-rollout"
KSERVE, GATEWAY = "github.com/kserve/kserve@v0.20.0", "sigs.k8s.io/gateway-api@v1.3.0"
PATIENCE = 120.0
METRICS = [{"name": "error_rate", "tolerated": 0.01, "margin": 0.05}]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server with KServe's and the Gateway API's definitions, and our manifests."""
    folder = tmp_path_factory.mktemp("control-plane")
    with control_plane(folder, {OPERATOR: "system:serviceaccounts", "anna": "", "bob": ""}) as running:
        try:
            crds = module_folder(KSERVE) / "config/crd/full/serving.kserve.io_inferenceservices.yaml"
            routes = module_folder(GATEWAY) / "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"
        except FileNotFoundError as error:
            pytest.skip(str(error))
        running.kubectl("create", "namespace", "models")
        running.kubectl("apply", "--server-side", "-f", str(crds), "-f", str(routes))
        running.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "rollout"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all")
        people = ["--user=anna", "--user=bob"]
        running.kubectl("-n", "models", "create", "rolebinding", "people", "--role=fairlead-rollout-starter", *people)
        yield running


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[KubernetesCluster]:
    """The namespace, as its administrator."""
    with pytest.MonkeyPatch.context() as patch:
        # The client reads KUBECONFIG when it is imported, which another test may have done.
        for place in ("kubernetes.config", "kubernetes.config.kube_config"):
            patch.setattr(f"{place}.KUBE_CONFIG_DEFAULT_LOCATION", str(plane.kubeconfig("admin")))
        yield KubernetesCluster("models")


@pytest.fixture
def world(plane: ControlPlane, lively: tuple[World, str], replicas: "Replicas") -> Iterator[tuple[World, str]]:
    """The same for each test, with everything sent to the first version when it is over, however it ended."""
    yield lively
    plane.kubectl("-n", "models", "delete", "modelrollouts", "--all", "--timeout=50s")
    back(plane, lively[0])
    assert lively[0].errors == []
    assert replicas.alive()


@pytest.fixture(scope="module")
def lively(plane: ControlPlane, api: KubernetesCluster) -> Iterator[tuple[World, str]]:
    """Two ready InferenceServices behind a route, requests, and a Prometheus."""
    for number in "12":
        put(plane, service(f"sba-{number}", "Standard", f"gs://models/sba/{number}"))
        found = api.get("InferenceService", f"sba-{number}")
        assert found is not None
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        write_status(api, found, {"conditions": [ready]}, "serving.kserve.io", "v1beta1", "inferenceservices")
    put(plane, route("sba"))
    with living(api) as (made, url):
        yield made, url


class Replicas:
    """Operators that run as processes."""

    def __init__(self, plane: ControlPlane, home: Path) -> None:
        self.home = home
        self._plane = plane
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self._plane.kubeconfig(OPERATOR)),
            "FAIRLEAD_HOME": str(self.home),
            "FAIRLEAD_ACTOR": "fairlead-rollout",
        }
        command = [sys.executable, "-m", "components.rollout.operator", "--namespace", "models"]
        with (self.home / f"operator-{len(self._running)}.log").open("ab") as log:
            made = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._running[made.pid] = made

    def kill(self, pid: int) -> None:
        self._running[pid].send_signal(signal.SIGKILL)
        self._running[pid].wait()
        del self._running[pid]

    def alive(self) -> set[int]:
        return {pid for pid, p in self._running.items() if p.poll() is None}

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            assert process.wait(30) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def replicas(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    made = Replicas(plane, tmp_path_factory.mktemp("home"))
    made.start()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def put(plane: ControlPlane, document: Any, user: str = "admin") -> str:
    words = ["-n", "models", "apply", "--server-side", "-f", "-"]
    return plane.kubectl(*words, user=user, stdin=yaml.safe_dump(document))


def rollout(called: str, prometheus: str = "http://127.0.0.1:9090", **plan: Any) -> dict[str, Any]:
    given = {"name": "sba", "strategy": "canary", "useCase": "sba_loans", "metrics": METRICS, "approval": False}
    steps = [{"weight": 5, "minimumRequests": 50}, {"weight": 25}, {"weight": 50}]
    return {
        "apiVersion": "fairlead.dev/v1",
        "kind": "ModelRollout",
        "metadata": {"name": called},
        "spec": {
            "actor": "anna",
            "plan": {**given, "lookSeconds": 1, "steps": steps, **plan},
            "stable": {"model": "models:/sba_loans/1", "service": "sba-1"},
            "candidate": {"model": "models:/sba_loans/2", "service": "sba-2"},
            "traffic": {"mode": "httproute", "name": "sba"},
            "metrics": {"prometheus": prometheus, "stepSeconds": 1, "scrapeSeconds": 1, "settleSeconds": 1},
        },
    }


def status(plane: ControlPlane, name: str) -> dict[str, Any]:
    said = plane.kubectl("-n", "models", "get", "modelrollout", name, "-o", "json")
    found: dict[str, Any] = json.loads(said).get("status", {})
    return found


def until(plane: ControlPlane, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end, found = time.monotonic() + PATIENCE, {}
    while time.monotonic() < end:
        found = status(plane, name)
        if is_so(found):
            return found
        time.sleep(0.2)
    raise AssertionError(f"{name} after {PATIENCE:g} s: {json.dumps(found, indent=1)[-3000:]}")


def decided(found: dict[str, Any]) -> list[str]:
    kinds = [json.loads(e["payload"])["kind"] for e in found["events"] if e["kind"] == "looked"]
    return [kind for kind in kinds if kind != "hold"]


def told(replicas: Replicas, name: str) -> list[str]:
    ledger = Ledger(replicas.home / "ledger.db")
    assert ledger.verify() > 0
    return [e.payload["kind"] for e in ledger.entries("rollout.decided") if e.payload["rollout"].startswith(f"{name}.")]


def follows(world: World, begun: int) -> list[float]:
    """Return the candidate's shares from a state of the route on, once the gateway has followed to its last one."""
    end = time.monotonic() + 10
    while time.monotonic() < end and len(world.weights[-1]) > 1:
        time.sleep(0.05)
    shares = [w.get("2", 0) / sum(w.values()) for w in world.weights[begun:]]
    return [share for i, share in enumerate(shares) if i == 0 or share != shares[i - 1]]


def back(plane: ControlPlane, world: World) -> None:
    """Send everything to the first version again, whoever has won."""
    put_route = {**route("sba"), "metadata": {"name": "sba"}}
    plane.kubectl(
        "-n", "models", "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(put_route)
    )
    world.failing.clear()


@pytest.mark.parametrize("case", sorted(BAD))
def test_the_api_server_refuses_what_a_plan_refuses(plane: ControlPlane, case: str) -> None:
    words, plan = BAD[case]
    with pytest.raises(AssertionError, match=words):
        put(plane, rollout("bad", **plan), user="anna")


@pytest.mark.parametrize("case", sorted(GOOD))
def test_the_api_server_admits_what_a_plan_admits(plane: ControlPlane, case: str) -> None:
    words = ["-n", "models", "apply", "--server-side", "--dry-run=server", "-f", "-"]
    plane.kubectl(*words, user="anna", stdin=yaml.safe_dump(rollout("good", **GOOD[case])))


def test_the_operator_may_do_what_it_needs_and_no_more(plane: ControlPlane) -> None:
    def may(verb: str, what: str) -> bool:
        return plane.kubectl("-n", "models", "auth", "can-i", verb, what, user=OPERATOR, check=False).startswith("yes")

    assert all(may("patch", w) for w in ("inferenceservices.serving.kserve.io", "httproutes.gateway.networking.k8s.io"))
    for what in ("inferenceservices.serving.kserve.io", "modelrollouts.fairlead.dev", "leases.coordination.k8s.io"):
        assert not may("delete", what), what
    assert not may("create", "modelrollouts.fairlead.dev")
    assert not may("get", "secrets")


def test_nobody_starts_or_wishes_in_anothers_name(plane: ControlPlane) -> None:
    made = rollout("names", steps=[{"weight": 5}])
    made["spec"]["traffic"]["name"] = "another"
    with pytest.raises(AssertionError, match=r"spec\.actor is anna, but you are bob"):
        put(plane, made, user="bob")
    put(plane, made, user="anna")
    wish = {"spec": {"wish": {"kind": "abort", "actor": "bob"}}}
    words = ["-n", "models", "patch", "modelrollout", "names", "--type=merge", "-p", json.dumps(wish)]
    with pytest.raises(AssertionError, match=r"spec\.wish\.actor is bob, but you are anna"):
        plane.kubectl(*words, user="anna")
    plane.kubectl(*words, user="bob")
    faster = {"spec": {"plan": {"lookSeconds": 5}}}
    with pytest.raises(AssertionError, match="plan stays as it was made"):
        plane.kubectl(*words[:-1], json.dumps(faster), user="anna")
    plane.kubectl("-n", "models", "delete", "modelrollout", "names")


@pytest.mark.parametrize("mode", ["Knative", "Standard"])
def test_kserve_own_definition_takes_what_the_planes_write(
    plane: ControlPlane, api: KubernetesCluster, mode: str
) -> None:
    made = service(f"own-{mode.lower()}", mode)
    put(plane, made)
    name, stable, candidate = made["metadata"]["name"], "gs://models/sba/1", "gs://models/sba/2"
    knative = mode == "Knative"
    own = KnativePlane(api, name, stable, candidate) if knative else StandardPlane(api, name, candidate)
    own.apply(Traffic(candidate=20))
    found = api.get("InferenceService", name)
    assert found is not None
    if knative:
        assert found["spec"]["predictor"]["canaryTrafficPercent"] == 20
    else:
        assert [c["trafficPercent"] for c in found["spec"]["canary"]] == [20]


def test_a_good_candidate_is_promoted_though_the_active_operator_is_killed(
    plane: ControlPlane, world: tuple[World, str], replicas: Replicas
) -> None:
    around, url = world
    put(plane, rollout("good", url), user="anna")
    until(plane, "good", lambda s: s.get("weight") == 25)
    lease = json.loads(plane.kubectl("-n", "models", "get", "lease", "modelrollout-good", "-o", "json"))
    active = int(lease["spec"]["holderIdentity"].rpartition("/")[2])
    assert active in replicas.alive()
    replicas.kill(active)
    found = until(plane, "good", lambda s: bool(s.get("settled")))
    assert found["phase"] == "promoted"
    assert decided(found) == ["begin", "step", "step", "earn", "promote"] == told(replicas, "good")
    assert follows(around, 0) == [0, 0.05, 0.25, 0.5, 1]
    lease = json.loads(plane.kubectl("-n", "models", "get", "lease", "modelrollout-good", "-o", "json"))
    assert lease["spec"]["leaseTransitions"] == 1
    events = plane.get("-n", "models", "events")["items"]
    ours = [e["reason"] for e in events if e["involvedObject"]["kind"] == "ModelRollout"]
    assert sorted(ours) == ["Begin", "Earn", "Promote", "Step", "Step"]
    replicas.start()


def test_a_failing_candidate_is_rolled_back_in_one_step(
    plane: ControlPlane, world: tuple[World, str], replicas: Replicas
) -> None:
    around, url = world
    around.failing["2"] = 0.3
    begun = len(around.weights)
    put(plane, rollout("bad", url, steps=[{"weight": 20, "minimumRequests": 100_000}]), user="anna")
    found = until(plane, "bad", lambda s: bool(s.get("settled")))
    assert (found["phase"], found["weight"]) == ("rolled_back", 0)
    assert decided(found) == ["begin", "roll_back"] == told(replicas, "bad")
    assert follows(around, begun)[-2:] == [0.2, 0]
    assert "error_rate" in found["reason"]


def test_a_wish_is_taken_up_once_and_by_name(plane: ControlPlane, world: tuple[World, str], replicas: Replicas) -> None:
    _, url = world

    def ask(kind: str | None) -> None:
        wish = None if kind is None else {"kind": kind, "actor": "bob", "reason": "as agreed"}
        words = ["modelrollout", "asked", "--type=merge", "-p", json.dumps({"spec": {"wish": wish}})]
        plane.kubectl("-n", "models", "patch", *words, user="bob")

    put(plane, rollout("asked", url), user="anna")
    until(plane, "asked", lambda s: s.get("phase") == "running")
    ask("pause")
    paused = until(plane, "asked", lambda s: s.get("phase") == "paused")
    assert "bob" in paused["reason"]
    ask("resume")
    until(plane, "asked", lambda s: s.get("phase") == "running")
    ask("abort")
    found = until(plane, "asked", lambda s: bool(s.get("settled")))
    assert found["phase"] == "aborted"
    assert [e["kind"] for e in found["events"]].count("wished") == 3
    assert told(replicas, "asked")[-1] == "abort"


def test_what_is_deleted_leaves_all_requests_with_the_stable_model(
    plane: ControlPlane, world: tuple[World, str], replicas: Replicas
) -> None:
    around, url = world
    put(plane, rollout("gone", url, steps=[{"weight": 5, "minimumRequests": 100_000}]), user="anna")
    until(plane, "gone", lambda s: s.get("weight") == 5)
    plane.kubectl("-n", "models", "delete", "modelrollout", "gone", "--timeout=50s", user="anna")
    found = around.api.get("HTTPRoute", "sba")
    assert found is not None
    assert [ref["name"] for ref in found["spec"]["rules"][0]["backendRefs"]] == ["sba-1-predictor"]
    assert told(replicas, "gone")[-1] == "abort"
