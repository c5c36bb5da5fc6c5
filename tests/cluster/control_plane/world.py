"""What the rest of a cluster would do: a gateway that follows the route, models that answer, a Prometheus that counts.

Prometheus is scripted: it answers as its API does, from counters that grow as the route's weights say.
"""

import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from components.rollout.planes.cluster import Json, KubernetesCluster
from tests.json_server import JsonHandler, answering

BEAT = 0.1
RATE = 600.0
"""Requests a second."""
VERSIONS = {"sba-1-predictor": "1", "sba-2-predictor": "2"}


@dataclass
class World:
    """One route before two models.

    Args:
        api: of the namespace.
        failing: share of its requests that a version fails.
    """

    api: KubernetesCluster
    failing: dict[str, float] = field(default_factory=dict)
    samples: list[tuple[int, dict[tuple[str, str], int]]] = field(default_factory=list)
    """Every second: count by version and status."""
    weights: list[dict[str, int]] = field(default_factory=list)
    """Every state of the route, by version."""
    errors: list[Exception] = field(default_factory=list)

    def run(self, end: threading.Event) -> None:
        """Let time pass."""
        counts: dict[tuple[str, str], int] = {(v, s): 0 for v in VERSIONS.values() for s in ("200", "500")}
        dice = random.Random(3)  # noqa: S311  draws requests
        while not end.wait(BEAT):
            try:
                weights = self._follow()
            except Exception as error:
                self.errors.append(error)
                continue
            for _ in range(int(RATE * BEAT)):
                version = dice.choices(list(weights), list(weights.values()))[0]
                counts[version, "500" if dice.random() < self.failing.get(version, 0.0) else "200"] += 1
            now = int(time.time())
            if not self.samples or self.samples[-1][0] < now:
                self.samples.append((now, dict(counts)))

    def _follow(self) -> dict[str, int]:
        """Accept the route as it is, as a gateway does, and return its weights."""
        route = self.api.get("HTTPRoute", "sba")
        assert route is not None
        (rule,) = route["spec"]["rules"]
        weights = {VERSIONS[ref["name"]]: ref.get("weight", 1) for ref in rule["backendRefs"]}
        generation = route["metadata"]["generation"]
        parents = route.get("status", {}).get("parents", [])
        if not parents or parents[0]["conditions"][0]["observedGeneration"] != generation:
            self._accept(route, generation)
        if not self.weights or self.weights[-1] != weights:
            self.weights.append(weights)
        return weights

    def _accept(self, route: Json, generation: int) -> None:
        condition = {
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "",
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        parent = {
            "parentRef": {"name": "gateway"},
            "controllerName": "fairlead.dev/test",
            "conditions": [condition],
        }
        write_status(self.api, route, {"parents": [parent]}, "gateway.networking.k8s.io", "v1", "httproutes")

    def answer(self, query: dict[str, list[str]]) -> Json:
        """Answer a range query over the counters."""
        text = query["query"][0]
        name, version = text.partition("{")[0], re.search(r'version="(\d)"', text)
        assert version is not None
        start, end, step = (int(query[n][0]) for n in ("start", "end", "step"))
        result = []
        for status in ("200", "500"):
            points = [(at, self._at(at, version.group(1), status)) for at in range(start, end + 1, step)]
            values = [[at, str(n)] for at, n in points if n is not None]
            labels = {"__name__": name, "version": version.group(1), "status": status, "pod": "p"}
            labels["route"] = "/v2/models/{name}/infer"
            if values:
                result.append({"metric": labels, "values": values})
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}

    def _at(self, at: int, version: str, status: str) -> int | None:
        earlier = [counts for when, counts in self.samples[-900:] if when <= at]
        return earlier[-1][version, status] if earlier else None


def write_status(api: KubernetesCluster, found: Json, status: Json, *resource: str) -> None:
    """Write an object's status, as its controller does."""
    group, version, plural = resource
    patch = {"status": status}
    api._objects.patch_namespaced_custom_object_status(
        group, version, api.namespace, plural, found["metadata"]["name"], patch
    )


@contextmanager
def living(api: KubernetesCluster) -> Iterator[tuple[World, str]]:
    """Let a world live; gives it, and the URL of its Prometheus."""
    world, end = World(api), threading.Event()

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            assert parts.path == "/api/v1/query_range"
            self.answer(200, world.answer(parse_qs(parts.query)))

    with answering(Handler) as url:
        thread = threading.Thread(target=world.run, args=(end,))
        thread.start()
        try:
            yield world, url
        finally:
            end.set()
            thread.join()
