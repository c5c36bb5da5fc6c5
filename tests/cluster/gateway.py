"""A gateway of a cluster: a real Traefik that follows the Gateway API and sends requests to pods."""

from pathlib import Path
from typing import Any

import yaml

from components.core.config import read_settings
from tests.cluster.programs import module_folder

USER = "system:serviceaccount:kserve:gateway"
NAMESPACE, NAME = "kserve", "kserve-ingress-gateway"
"""Of the Gateway; KServe's configuration and our routes name it so."""
NEWER = "sigs.k8s.io/gateway-api@v1.5.0"
CONTROLLER = "traefik.io/gateway-controller"
_GATEWAY, _RBAC = "gateway.networking.k8s.io", "rbac.authorization.k8s.io"
_STATUSES = ("gatewayclasses", "gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes", "backendtlspolicies")


def tool(name: str) -> Path:
    """Return where a program is that comes in a wheel; ``requirements/peers/cluster.txt`` locks them."""
    return (read_settings().home / "envs" / "peers" / "cluster" / "bin" / name).absolute()


def missing() -> str:
    """Say what lacks to run it; empty when nothing does."""
    return (
        "" if tool("traefik").exists() else "Traefik is not here: python -m pipelines.environments ensure peers/cluster"
    )


def definitions() -> list[dict[str, Any]]:
    """Return the definitions that this Traefik waits for and that came into the Gateway API after 1.3."""
    folder = module_folder(NEWER) / "config" / "crd" / "standard"
    files = [folder / f"{_GATEWAY}_{kinds}.yaml" for kinds in ("backendtlspolicies", "tlsroutes")]
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def objects(port: int) -> list[dict[str, Any]]:
    """Return the class, the Gateway and what lets Traefik read them.

    Args:
        port: where it listens; Traefik takes a listener for the entry point with the same port.
    """
    listener = {"name": "http", "port": port, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    return [
        {
            "apiVersion": f"{_GATEWAY}/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "traefik"},
            "spec": {"controllerName": CONTROLLER},
        },
        {
            "apiVersion": f"{_GATEWAY}/v1",
            "kind": "Gateway",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
        },
        *_rights(),
    ]


def command(port: int, ping: int) -> list[str]:
    """Return what starts it; KUBECONFIG has to name the one of ``USER``.

    Args:
        port: where it listens, on loopback.
        ping: port of loopback where it says that it is alive.
    """
    options = {
        "entrypoints.web.address": f"127.0.0.1:{port}",
        "entrypoints.ping.address": f"127.0.0.1:{ping}",
        "ping.entrypoint": "ping",
        "providers.kubernetesgateway": "true",
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "log.level": "INFO",
    }
    return [str(tool("traefik")), *(f"--{name}={value}" for name, value in options.items())]


def _rights() -> list[dict[str, Any]]:
    read, metadata = ["get", "list", "watch"], {"name": "fairlead-test-gateway"}
    rules = [
        {"apiGroups": [_GATEWAY], "resources": ["*"], "verbs": read},
        {"apiGroups": [_GATEWAY], "resources": [f"{kind}/status" for kind in _STATUSES], "verbs": ["update"]},
        {"apiGroups": [""], "resources": ["services", "namespaces", "nodes"], "verbs": read},
        {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
    ]
    subject = {"apiGroup": _RBAC, "kind": "User", "name": USER}
    role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": metadata["name"]}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [subject],
        },
    ]
