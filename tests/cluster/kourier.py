"""Kourier, Knative's gateway: its controller in a pod, and a real Envoy beside the node that takes its orders.

Definitions and Envoy's bootstrap come out of Kourier's own Go module, in the version of ``programs/knative/go.mod``.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from components.rollout.planes.envoy_process import binary
from tests.cluster.api_server import ControlPlane
from tests.cluster.knative import NAMESPACE, Document, changed, documents, module

GATEWAY = "kourier-system"
PORT = 8080
"""At which the gateway takes requests from outside."""
INTERNAL = 8081
XDS = 18000


def configuration(address: str) -> list[Document]:
    """Return what Kourier needs but its Deployments: namespace, roles, configuration, and the gateway's Services.

    Args:
        address: where the gateway listens, and nowhere else.
    """
    config = module("net-kourier") / "config"
    changes = {"config-kourier": {"listen-ip-addresses": address, "enable-service-access-logging": "false"}}
    shipped = documents(config / "200-config.yaml")
    services = [d for d in documents(config / "300-gateway.yaml") if d["kind"] == "Service"]
    return [
        *documents(config / "100-namespace.yaml", config / "200-serviceaccount.yaml"),
        *changed(shipped, changes),
        *(d for service in services for d in _led_to(service, address)),
    ]


def controller() -> list[Document]:
    """Return Kourier's controller and its Service, whose image is still to be named."""
    return documents(module("net-kourier") / "config" / "300-controller.yaml")


def command(plane: ControlPlane, ports: tuple[int, int]) -> list[str]:
    """Write Envoy's bootstrap, as Kourier ships it, and return what starts the gateway.

    Args:
        plane: on which Kourier's controller has its Service already.
        ports: of loopback, for statistics and for administration.
    """
    service = plane.get("-n", NAMESPACE, "service", "net-kourier-controller")
    (shipped,) = documents(module("net-kourier") / "config" / "200-bootstrap.yaml")
    bootstrap = yaml.safe_load(shipped["data"]["envoy-bootstrap.yaml"])
    places = list(_socket_addresses(bootstrap))
    names = {9000: ("127.0.0.1", ports[0]), 9901: ("127.0.0.1", ports[1]), XDS: (service["spec"]["clusterIP"], XDS)}
    assert {p["port_value"] for p in places} == set(names), f"another bootstrap than was known: {places}"
    for place in places:
        place["address"], place["port_value"] = names[place["port_value"]]
    bootstrap["admin"].pop("access_log")
    file = plane.folder / "kourier-bootstrap.yaml"
    file.write_text(yaml.safe_dump(bootstrap), encoding="utf-8")
    return [str(binary()), "-c", str(file), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]


def _led_to(service: Document, address: str) -> list[Document]:
    """Let a Service lead to the gateway, which is no pod."""
    name, ports = service["metadata"]["name"], service["spec"]["ports"]
    spec = {"type": "ClusterIP", "ports": ports}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": GATEWAY, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": p["name"], "port": p["targetPort"], "protocol": "TCP"} for p in ports],
    }
    return [{**service, "spec": spec}, endpoints]


def _socket_addresses(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "port_value" in part:
            yield part
        for value in part.values():
            yield from _socket_addresses(value)
    elif isinstance(part, list):
        for value in part:
            yield from _socket_addresses(value)
