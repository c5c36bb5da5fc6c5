"""What a cluster's manifests take to be there and pods reach by name: an object store, MLflow and Prometheus.

They run beside the node. A Service without a selector leads to each, under the name that the manifests use.
"""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from urllib3.exceptions import HTTPError

from tests.cluster.gateway import tool
from tests.cluster.network import ADDRESS
from tests.cluster.processes import free_ports
from tests.cluster.whole_node import Node

STORE, REGISTRY, PROMETHEUS = 8333, 5000, 9090
"""Ports, as the manifests have them."""
BUCKETS = ("fairlead", "mlflow")
SCRAPER = "system:serviceaccount:monitoring:prometheus"
LABEL = "serving.kserve.io/inferenceservice"
KEYS = {"access-key": "fairlead-test", "secret-key": "fairlead-test-secret"}
"""Of the object store, which nobody but this node reaches."""


def missing() -> str:
    """Say what lacks to run them; empty when nothing does."""
    if not tool("weed").exists():
        return "SeaweedFS is not here: python -m pipelines.environments ensure peers/cluster"
    return "" if shutil.which("prometheus") else "prometheus is not on the PATH: apt-get install prometheus"


def start_store(node: Node, data: Path) -> None:
    """Start an object store.

    Args:
        node: beside which it runs.
        data: folder that keeps the objects.
    """
    data.mkdir(parents=True, exist_ok=True)
    credentials = {"accessKey": KEYS["access-key"], "secretKey": KEYS["secret-key"]}
    identity = {"name": "fairlead", "credentials": [credentials], "actions": ["Admin", "Read", "Write", "List"]}
    file = node.folder / "s3.json"
    file.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    master, volume, filer, *grpc = free_ports(7)
    options = {
        "dir": data,
        "ip": ADDRESS,
        "ip.bind": ADDRESS,
        "master.port": master,
        "master.port.grpc": grpc[0],
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 128,
        "volume.port": volume,
        "volume.port.grpc": grpc[1],
        "volume.max": 30,
        "volume.minFreeSpace": 1,
        "filer.port": filer,
        "filer.port.grpc": grpc[2],
        "s3": "true",
        "s3.port": STORE,
        "s3.port.grpc": grpc[3],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": file,
        "iam": "false",
    }
    words = [str(tool("weed")), "-logtostderr=true", "server", "-filer", *(f"-{k}={v}" for k, v in options.items())]
    node.start("store", words)


def store_environment() -> dict[str, str]:
    """Return what a client of the object store on this machine needs."""
    return {
        "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{STORE}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEYS["access-key"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret-key"],
    }


def start_registry(node: Node, home: Path) -> None:
    """Start an MLflow server on the registry of a home."""
    names = ["mlflow.mlflow.svc", "mlflow.mlflow.svc.cluster.local", "mlflow", ADDRESS]
    words = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
    allowed = ",".join(f"{name}:{REGISTRY}" for name in names)
    words += ["--host", ADDRESS, "--port", str(REGISTRY), "--workers", "1", "--allowed-hosts", allowed]
    node.start("mlflow", words, {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def start_prometheus(node: Node, targets: Path) -> None:
    """Start a Prometheus that asks each model's pod every second.

    Debian's does not know Kubernetes, so it reads from a file which pods there are; see ``followed``.

    Args:
        node: beside which it runs.
        targets: the file.
    """
    files = [{"files": [str(targets)], "refresh_interval": "1s"}]
    job = {"job_name": "fairlead-serving", "file_sd_configs": files}
    document = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    file = node.folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    options = {
        "config.file": file,
        "storage.tsdb.path": node.folder / "prometheus",
        "web.listen-address": f"{ADDRESS}:{PROMETHEUS}",
        "log.level": "warn",
    }
    node.start("prometheus", ["prometheus", *(f"--{k}={v}" for k, v in options.items())])


@contextmanager
def followed(node: Node, targets: Path) -> Iterator[None]:
    """Write down which models' pods there are, all the time."""
    from kubernetes import client, config

    over = threading.Event()
    api = client.CoreV1Api(config.new_client_from_config(str(node.plane.kubeconfig(SCRAPER))))

    def look() -> None:
        while not over.wait(1):
            with suppress(client.ApiException, HTTPError):
                found = api.list_namespaced_pod("models", label_selector=LABEL, _request_timeout=5).items
                groups = [_group(pod) for pod in found if pod.status.pod_ip and pod.status.phase == "Running"]
                draft = targets.with_suffix(".new")
                draft.write_text(json.dumps(groups), encoding="utf-8")
                draft.replace(targets)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _group(pod: Any) -> dict[str, Any]:
    labels = {"pod": pod.metadata.name, "inferenceservice": pod.metadata.labels[LABEL]}
    return {"targets": [f"{pod.status.pod_ip}:8080"], "labels": labels}


def objects() -> list[dict[str, Any]]:
    """Return the Services that lead to them, and what Prometheus may read."""
    api = "rbac.authorization.k8s.io"
    role = {"metadata": {"name": "fairlead-test-scraper"}, "rules": [_reading("pods")]}
    subject = {"apiGroup": api, "kind": "User", "name": SCRAPER}
    reference = {"apiGroup": api, "kind": "ClusterRole", "name": "fairlead-test-scraper"}
    bound = {"metadata": role["metadata"], "roleRef": reference, "subjects": [subject]}
    return [
        *_led("storage", "s3", STORE),
        *_led("mlflow", "mlflow", REGISTRY),
        *_led("monitoring", "prometheus", PROMETHEUS),
        {"apiVersion": f"{api}/v1", "kind": "ClusterRole", **role},
        {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", **bound},
    ]


def secrets(home: Path) -> list[dict[str, Any]]:
    """Return the Secrets that the models' namespace is to have.

    Args:
        home: with the key that verifies bundles.
    """
    verify = {"signing.pub.pem": (home / "keys" / "signing.pub.pem").read_text(encoding="utf-8")}
    held = {"fairlead-verify": verify, "object-store": KEYS}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "models"}, "stringData": data}
        for name, data in held.items()
    ]


def _reading(what: str) -> dict[str, list[str]]:
    return {"apiGroups": [""], "resources": [what], "verbs": ["get", "list", "watch"]}


def _led(namespace: str, name: str, port: int) -> list[dict[str, Any]]:
    """Return a Service that leads to a port of the node's address."""
    metadata = {"name": name, "namespace": namespace}
    labels = {"kubernetes.io/service-name": name}
    ports = [{"name": "http", "port": port, "protocol": "TCP"}]
    endpoint = {"addresses": [ADDRESS], "conditions": {"ready": True}}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": labels},
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [endpoint],
        },
    ]
