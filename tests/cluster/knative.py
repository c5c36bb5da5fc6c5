"""Knative Serving beside an API server that was made here: definitions, roles, configuration, webhooks, controllers.

All of it comes out of Knative's own Go modules, in the versions of ``programs/knative/go.mod``. Nothing here runs pods.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import programs
from tests.cluster.api_server import ControlPlane
from tests.cluster.processes import free_ports, running, tail, until

Document = dict[str, Any]

NAMESPACE = "knative-serving"
CONTROL = ("knative-controllers", "knative-webhook")
"""Programs that ``knative`` runs."""
INGRESS_CLASS = "kourier.ingress.networking.knative.dev"
REGISTRY = "dev.local"
"""Registry of images that were made here; Knative asks it for nothing."""
QUEUE = f"{REGISTRY}/knative-queue:{programs.version('knative')}"
"""The sidecar before each model."""
READY_SECONDS = 60.0

KNATIVE: Mapping[str, Mapping[str, Any]] = {
    "deploy": {"defaultDeploymentMode": "Knative"},
    "ingress": {"disableIstioVirtualHost": True, "ingressDomain": "example.com"},
}
"""KServe's configuration for Knative without Istio."""

CONFIGURATION: Mapping[str, Mapping[str, str]] = {
    "config-deployment": {
        "queue-sidecar-image": QUEUE,
        # Tags of images that no registry has cannot be looked up.
        "registries-skipping-tag-resolving": f"{REGISTRY},ghcr.io,docker.io,index.docker.io",
        "queue-sidecar-cpu-request": "10m",
    },
    "config-domain": {"example.com": ""},
    "config-features": {
        "kubernetes.podspec-fieldref": "enabled",
        "kubernetes.podspec-securitycontext": "enabled",
        "kubernetes.podspec-init-containers": "enabled",
        "kubernetes.podspec-volumes-emptydir": "enabled",
    },
    "config-network": {"ingress-class": INGRESS_CLASS},
    "config-observability": {"metrics-protocol": "none", "request-metrics-protocol": "none"},
}
"""What differs from the configuration that Knative ships."""


@cache
def module(name: str) -> Path:
    """Return the folder of a Knative module, in the version that its programs are built from.

    Args:
        name: what comes after ``knative.dev/``.

    Raises:
        FileNotFoundError: it cannot be had.
    """
    text = (programs.MODULES / "knative" / "go.mod").read_text(encoding="utf-8")
    version = re.search(rf"knative\.dev/{name} (v\S+)", text)
    assert version is not None, f"go.mod does not name knative.dev/{name}"
    return programs.module_folder(f"knative.dev/{name}@{version[1]}")


def documents(*files: Path) -> list[Document]:
    """Return the documents of YAML files; a folder stands for all in it."""
    every = [found for file in files for found in (sorted(file.glob("*.yaml")) if file.is_dir() else [file])]
    return [d for file in every for d in yaml.safe_load_all(file.read_text(encoding="utf-8")) if d]


def definitions() -> list[Document]:
    """Return the definitions of Knative's kinds."""
    networking = [
        module("networking") / "config" / f"{name}.yaml"
        for name in ("certificate", "domain-claim", "ingress", "serverlessservice")
    ]
    return documents(
        module("serving") / "config/core/300-resources", *networking, module("caching") / "config/image.yaml"
    )


def roles() -> list[Document]:
    """Return namespace, service accounts and what they may do."""
    core = module("serving") / "config" / "core"
    return documents(core / "100-namespace.yaml", core / "200-serviceaccount.yaml", core / "200-roles")


def configuration() -> list[Document]:
    """Return the ConfigMaps that Knative ships, with our changes, and the Secret that its webhook fills."""
    core = module("serving") / "config" / "core"
    shipped = documents(core / "configmaps", module("networking") / "config/config-network.yaml")
    return [*changed(shipped, CONFIGURATION), *documents(core / "webhooks/secret.yaml")]


def webhooks(port: int = 443) -> list[Document]:
    """Return the registrations of Knative's webhooks.

    Args:
        port: of the Service ``webhook``.
    """
    core = module("serving") / "config" / "core" / "webhooks"
    found = documents(*(core / f"{n}.yaml" for n in ("configmap-validation", "defaulting", "resource-validation")))
    for document in found:
        for webhook in document["webhooks"]:
            webhook["clientConfig"]["service"]["port"] = port
    return found


def changed(shipped: Iterable[Document], changes: Mapping[str, Mapping[str, str]]) -> list[Document]:
    """Return ConfigMaps with other values; each that is to be changed has to be there."""
    found = [{**d, "data": {**(d.get("data") or {}), **changes.get(d["metadata"]["name"], {})}} for d in shipped]
    missing = changes.keys() - {d["metadata"]["name"] for d in found}
    assert not missing, f"no ConfigMap to change: {missing}"
    return found


def install(plane: ControlPlane) -> None:
    """Apply definitions, roles and configuration; before KServe's controller starts, or it does not look for them."""
    plane.apply(definitions())
    plane.wait_for_definitions()
    plane.apply([*roles(), *configuration()])


@contextmanager
def knative(plane: ControlPlane) -> Iterator[None]:
    """Run Knative's webhooks and controllers as processes; what its autoscaler and gateway would say, others must."""
    install(plane)
    port, *profiling = free_ports(3)
    environment = {
        "SYSTEM_NAMESPACE": NAMESPACE,
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
        "KUBECONFIG": str(account(plane, "controller")),
    }
    webhook = {"WEBHOOK_NAME": "webhook", "WEBHOOK_PORT": str(port)}
    # The API server resolves this kind of Service without a proxy of Services.
    service = {"type": "ExternalName", "externalName": "localhost"}
    plane.apply([_service("webhook", service), *webhooks(port)])
    started = []
    with running() as start:
        for name, profile in zip(CONTROL, profiling, strict=True):
            own = {"POD_NAME": name, "PROFILING_PORT": str(profile)} | (webhook if name == "knative-webhook" else {})
            started.append(start([str(programs.program(name))], plane.folder / f"{name}.log", environment | own))
        try:
            until(lambda: admits(plane), READY_SECONDS, lambda: tail(plane.folder / "knative-webhook.log"))
            yield
        finally:
            for process in started:
                process.kill()  # asked to end, the webhook would take requests for 45 s more


def account(plane: ControlPlane, name: str) -> Path:
    """Return a kubeconfig of one of Knative's own service accounts, so that its roles decide what it may do."""
    token = plane.kubectl("-n", NAMESPACE, "create", "token", name, "--duration=8h").strip()
    return plane.token_kubeconfig(f"{NAMESPACE}-{name}", token)


def _service(name: str, spec: Document) -> Document:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def admits(plane: ControlPlane) -> bool:
    """Say whether the webhook answers: it has to be asked for whatever is created."""
    route = {"metadata": {"name": "probe", "namespace": "default"}, "spec": {"traffic": [{"percent": 50}]}}
    text = yaml.safe_dump({"apiVersion": "serving.knative.dev/v1", "kind": "Route", **route})
    said = plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=text, check=False)
    return "validation failed" in said
