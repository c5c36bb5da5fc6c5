"""What watches, on a real API server: its objects are taken, and Prometheus finds the pods that KServe makes."""

import gzip
import json
import shutil
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import start_http_server

from components.core.errors import FairleadError
from components.rollout.increments import Increments
from components.rollout.plan import Plan
from components.rollout.prometheus import Prometheus
from components.rollout.prometheus_observer import counters
from tests.cluster import programs
from tests.cluster.api_server import ControlPlane, control_plane, missing
from tests.cluster.control_plane.access_matrix import NAMESPACES
from tests.cluster.processes import free_ports, running, tail, until
from tests.monitoring.exposed import Server

pytestmark = [pytest.mark.control_plane, pytest.mark.skipif(bool(missing()), reason=missing())]

MONITORING = Path(__file__).parents[3] / "manifests" / "monitoring"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
ADDRESS = "127.0.0.77"
"""Of loopback, where no other test listens: a pod's port is 8080 and nothing else."""
PATIENCE = 120.0
PLAN = {"name": "sba", "strategy": "canary", "use_case": "sba_loans", "steps": [{"weight": 5}]}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the operator's kinds and all that watches, in both ways."""
    with control_plane(tmp_path_factory.mktemp("monitoring"), {}) as made:
        for namespace in NAMESPACES:
            made.kubectl("create", "namespace", namespace, check=False)
        kinds = programs.module_folder(OPERATOR) / "example" / "prometheus-operator-crd"
        made.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(kinds), seconds=300)
        made.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", str(MONITORING))
        for folder in ("server", "operator"):
            words = ["apply", "--server-side", "--force-conflicts", "--validate=strict"]
            until(lambda f=folder, w=words: _applied(made, f, w), PATIENCE, lambda: "its kinds are not there")  # type: ignore[misc]
        yield made


def test_the_api_server_takes_every_object_of_both_ways(plane: ControlPlane):
    found = {
        kind: {o["metadata"]["name"] for o in plane.get("-n", "monitoring", kind)["items"]}
        for kind in (
            "prometheusrules",
            "podmonitors",
            "servicemonitors",
            "scrapeconfigs",
            "prometheuses",
            "deployments",
        )
    }
    assert found["podmonitors"] == {"fairlead-serving", "fairlead-monitoring"}
    assert found["prometheusrules"] == found["prometheuses"] == {"fairlead"}
    assert found["servicemonitors"] == {"otel-collector"}
    assert found["scrapeconfigs"] == {"kserve"}
    assert found["deployments"] >= {"prometheus", "alertmanager", "grafana"}


@pytest.mark.skipif(bool(programs.missing("prometheus-operator")), reason=programs.missing("prometheus-operator"))
def test_the_operator_makes_the_same_jobs_of_monitors_as_stand_in_the_plain_file(plane: ControlPlane):
    """The real controller: what it reads of our objects, and the configuration that it writes of them."""
    plain = yaml.safe_load((MONITORING / "server" / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    log, web = plane.folder / "prometheus-operator.log", free_ports(1)[0]
    command = [str(programs.program("prometheus-operator")), f"--web.listen-address=127.0.0.1:{web}"]
    command += ["--namespaces=monitoring", "--config-reloader-cpu-limit=100m", "--config-reloader-memory-limit=64Mi"]
    with running() as start:
        start(command, log, {"KUBECONFIG": str(plane.kubeconfig())})
        until(lambda: len(_written(plane)) == len(plain), PATIENCE, lambda: tail(log))
        until(lambda: _there(plane, "statefulset", "prometheus-fairlead"), PATIENCE, lambda: tail(log))
        made = {_job(c): c for c in _written(plane)}
        rules = [
            m for m in plane.get("-n", "monitoring", "configmaps")["items"] if "rulefiles" in m["metadata"]["name"]
        ]
    assert set(made) == {c["job_name"] for c in plain}
    serving = made["fairlead-serving"]
    assert serving["kubernetes_sd_configs"][0]["namespaces"]["names"] == ["models"]
    kept = [r["source_labels"] for r in serving["relabel_configs"] if r.get("action") == "keep"]
    assert ["__meta_kubernetes_pod_container_port_number"] in kept
    assert made["kserve"]["authorization"]["credentials_file"].endswith("/token")
    (text,) = [text for m in rules for text in m["data"].values()]
    assert yaml.safe_load(text)["groups"][0]["name"] == "fairlead-budgets"


def test_prometheus_finds_the_pods_of_kserve_and_a_rollout_its_counters(plane: ControlPlane, tmp_path: Path):
    program = shutil.which("prometheus")
    if program is None or b"prometheus/discovery/kubernetes" not in Path(program).read_bytes():
        pytest.skip("no prometheus on the PATH that looks for pods (Debian's does not): put a released one there")
    shown = Server("7")
    shown.work(answered=20, failed=1, refused=1)
    server, thread = start_http_server(8080, ADDRESS, shown.registry)
    try:
        for name, labels in (("sba-1", {"serving.kserve.io/inferenceservice": "sba"}), ("other", {"app": "other"})):
            _run_pod(plane, name, labels)
        with _prometheus(plane, program, tmp_path) as url:
            found = Prometheus(url)
            now = _scraped(found)
            (up,) = found.range('up{job="fairlead-serving"}', now, now, 1)
            assert up.labels["pod"] == "sba-1"
            assert up.labels["service"] == "sba"
            metrics = [{"name": "error_rate", "margin": 0.1}]
            asked = counters(found, Plan.model_validate({**PLAN, "metrics": metrics}), {"version": "7"}, now, 1)
            total: Counter[str] = Counter()
            shown.work(answered=30, failed=2, refused=1)
            until(lambda: _added(asked["status"], total) == {"answered": 31, "failed": 2}, PATIENCE, lambda: str(total))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        plane.kubectl("-n", "models", "delete", "pod", "sba-1", "other", "--ignore-not-found", "--force")


def _added(counter: Increments, total: Counter[str]) -> dict[str, int]:
    """Read a counter on, and return what was added to it since it was read first."""
    for sums in counter.read(int(time.time()) - 1):
        total.update(sums)
    return {name: n for name, n in total.items() if n}


def _run_pod(plane: ControlPlane, name: str, labels: dict[str, str]) -> None:
    """Put a pod there as KServe's Deployment makes it, and play the kubelet."""
    container = {"name": "kserve-container", "image": "fairlead:1", "ports": [{"containerPort": 8080, "name": "http1"}]}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "models", "labels": labels},
        "spec": {"containers": [container], "schedulerName": "nobody", "serviceAccountName": "default"},
    }
    plane.apply([document])
    status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}
    patch = ["--subresource=status", "--type=merge", "-p", json.dumps({"status": status})]
    plane.kubectl("-n", "models", "patch", "pod", name, *patch)


@contextmanager
def _prometheus(plane: ControlPlane, program: str, folder: Path) -> Iterator[str]:
    """Run Prometheus with the configuration of a cluster and with the rights of its own account."""
    token = plane.kubectl("-n", "monitoring", "create", "token", "prometheus").strip()
    account = plane.token_kubeconfig("prometheus", token)
    told = yaml.safe_load((MONITORING / "server" / "prometheus.yaml").read_text(encoding="utf-8"))
    told["global"]["scrape_interval"] = "1s"
    told["rule_files"] = [str(MONITORING / "rules" / "fairlead.rules.yaml")]
    for job in told["scrape_configs"]:
        for place in job.get("kubernetes_sd_configs", ()):
            place["kubeconfig_file"] = str(account)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    port = free_ports(1)[0]
    command = [program, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]

    with running() as start:
        start(command, folder / "prometheus.log")
        url = f"http://127.0.0.1:{port}"
        until(lambda: _counts(url), PATIENCE, lambda: tail(folder / "prometheus.log"))
        yield url


def _counts(url: str) -> bool:
    try:
        return _scraped(Prometheus(url)) > 0
    except FairleadError:
        return False


def _scraped(found: Prometheus) -> int:
    """Return the time of the newest scrape of a model server that succeeded twice; 0 without one."""
    now = int(time.time())
    points = [p for s in found.range('up{job="fairlead-serving"} == 1', now - 30, now, 1) for p in s.points]
    return max(points) if len(points) > 2 else 0


def _applied(plane: ControlPlane, folder: str, words: list[str]) -> bool:
    said = plane.kubectl(*words, "-k", str(MONITORING / folder), check=False, seconds=180)
    assert "unknown field" not in said, said
    return "no matches for kind" not in said and "rror" not in said


def _there(plane: ControlPlane, kind: str, name: str) -> bool:
    return plane.kubectl("-n", "monitoring", "get", kind, name, "-o", "name", check=False).strip().endswith(name)


def _written(plane: ControlPlane) -> list[dict[str, Any]]:
    """Return the jobs in the configuration that the operator wrote; none while there is no such Secret."""
    said = plane.kubectl("-n", "monitoring", "get", "secret", "prometheus-fairlead", "-o", "json", check=False)
    if not said.startswith("{"):
        return []
    text = gzip.decompress(b64decode(json.loads(said)["data"]["prometheus.yaml.gz"]))
    return list(yaml.safe_load(text)["scrape_configs"])


def _job(made: dict[str, Any]) -> str:
    """Return the job that series of a scrape get: relabelled, or its own name."""
    put = [
        r["replacement"] for r in made["relabel_configs"] if r.get("target_label") == "job" and "source_labels" not in r
    ]
    return str(put[-1] if put else made["job_name"])
