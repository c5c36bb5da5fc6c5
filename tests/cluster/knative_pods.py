"""Knative Serving and Kourier on a node: their Deployments as they ship, with images of the programs that Go built.

The gateway alone is no pod, but an Envoy beside the node: it takes requests at the node's address.
"""

import http.client

from tests.cluster import kourier, programs
from tests.cluster.knative import NAMESPACE, REGISTRY, Document, admits, documents, install, module, webhooks
from tests.cluster.network import ADDRESS
from tests.cluster.oci import static_image
from tests.cluster.processes import free_ports, until
from tests.cluster.whole_node import Node

PARTS = ("controller", "webhook", "autoscaler", "activator", "kourier")
PROGRAMS = (*(f"knative-{part}" for part in PARTS), "knative-queue")
READY_SECONDS = 180.0


def missing() -> str:
    """Say what lacks to run Knative on a node; empty when nothing does."""
    return programs.missing(*PROGRAMS)


def image(name: str) -> str:
    """Return the image of a program."""
    return f"{REGISTRY}/{name}:{programs.version('knative')}"


def run(node: Node) -> None:
    """Bring Knative up on a node, with its gateway at the node's address; KServe comes afterwards."""
    plane = node.plane
    for name in PROGRAMS:
        node.take(static_image(image(name), programs.program(name)), image(name))
    install(plane)
    plane.apply(kourier.configuration(ADDRESS))
    plane.apply([*deployments(), *webhooks()])
    statistics, administration = free_ports(2)
    node.start("kourier-gateway", kourier.command(plane, (statistics, administration)))
    words = ["-n", NAMESPACE, "wait", "--for=condition=Available", "deployments", "--all"]
    plane.kubectl(*words, f"--timeout={READY_SECONDS:g}s", seconds=READY_SECONDS + 10)
    until(lambda: admits(plane), READY_SECONDS, lambda: plane.kubectl("-n", NAMESPACE, "logs", "deploy/webhook"))
    node.until(kourier_answers, "kourier-gateway")


def deployments() -> list[Document]:
    """Return Knative's and Kourier's Deployments and Services; nothing here scales them by what they use."""
    folder = module("serving") / "config" / "core" / "deployments"
    shipped = documents(*(folder / f"{part}.yaml" for part in PARTS if part != "kourier"))
    found = [d for d in [*shipped, *kourier.controller()] if d["kind"] in ("Deployment", "Service")]
    for document in found:
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                container["image"] = image(f"knative-{container['image'].rpartition('/')[2]}")
                # One small node bears everything.
                container["resources"]["requests"] = {"cpu": "10m", "memory": "50Mi"}
    return found


def kourier_answers() -> bool:
    """Say whether the gateway has its orders."""
    connection = http.client.HTTPConnection(ADDRESS, kourier.INTERNAL, timeout=2)
    try:
        connection.request("GET", "/ready", headers={"host": "internalkourier"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
