"""Network policies answer one another: who may go to a pod of another namespace is let in there."""

from collections.abc import Iterator
from typing import Any

from tests.specs.pods import Pod, pods
from tests.specs.references import matches
from tests.specs.rendered import every

Json = dict[str, Any]

NAME = "kubernetes.io/metadata.name"


def let_in(thing: Json, world: list[Json]) -> Iterator[str]:
    """Where a policy lets pods go to a namespace of ours, and a pod listens there, some policy lets them in.

    Pods that others make, as Strimzi's and Kubeflow Pipelines', have policies of their makers.
    """
    if thing["kind"] != "NetworkPolicy":
        return
    home = {NAME: thing["metadata"].get("namespace", "")}
    ours = {n["metadata"]["name"] for n in every("Namespace", world)}
    for rule in thing["spec"].get("egress") or []:
        for peer in rule.get("to") or []:
            for there in sorted(name for name in ours if _is_of(peer, name, home[NAME])):
                for port in rule.get("ports") or []:
                    if _listens(there, port, world) and not _taken(there, port, home, world):
                        yield f"may go to port {port.get('port')} in {there}, where no policy lets in from {home[NAME]}"


def _listens(there: str, port: Json, world: list[Json]) -> bool:
    inside = [pod for pod in pods(world, world) if pod.whole and pod.namespace == there]
    listened = [p for pod in inside for c in pod.containers for p in c.get("ports", [])]
    return any(port.get("port") in (p["containerPort"], p.get("name")) for p in listened)


def _is_of(peer: Json, name: str, home: str) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" not in peer:
        return name == home
    selector = peer["namespaceSelector"]
    return any(selector.values()) and matches(selector, {NAME: name})


def _taken(there: str, port: Json, home: dict[str, str], world: list[Json]) -> bool:
    policies = [p for p in every("NetworkPolicy", world) if p["metadata"].get("namespace") == there]
    inside = [pod for pod in pods(world, world) if pod.whole and pod.namespace == there]
    return any(
        _lets(rule, port, home, there, [pod for pod in inside if matches(policy["spec"]["podSelector"], pod.labels)])
        for policy in policies
        for rule in policy["spec"].get("ingress") or []
    )


def _lets(rule: Json, port: Json, home: dict[str, str], there: str, behind: list[Pod]) -> bool:
    peers = rule.get("from") or []
    from_home = not peers or any(_from(peer, home, there) for peer in peers)
    named = {
        p["name"]: p["containerPort"]
        for pod in behind
        for c in pod.containers
        for p in c.get("ports", [])
        if "name" in p
    }
    allowed = rule.get("ports") or []
    fits = not allowed or any(
        named.get(a.get("port"), a.get("port")) == named.get(port.get("port"), port.get("port"))
        or (isinstance(a.get("endPort"), int) and a["port"] <= port.get("port", 0) <= a["endPort"])
        for a in allowed
    )
    return from_home and fits


def _from(peer: Json, home: dict[str, str], there: str) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        return matches(peer["namespaceSelector"], home)
    return home[NAME] == there


RULES = {"let_in": let_in}
