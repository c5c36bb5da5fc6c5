"""A server that answers as the Kubernetes API does for rollouts, leases and events of one namespace, over real HTTP.

It gives names and versions, refuses what was changed meanwhile, and merges into a status. That it answers as the real
one does is shown by ``make test-control-plane``, where the real one is asked.
"""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.rollout.kubernetes_objects import Objects
from components.rollout.planes.cluster import Json
from tests.json_server import JsonHandler, answering
from tests.rollout.looks import START
from tests.rollout.planes.cluster_api import merge


class Api:
    """The objects by plural and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.lock = threading.Lock()
        self.disturb = 0
        """So many writes of a status find the object changed just before."""
        self._version = 0

    def put(self, plural: str, body: Json) -> Json | None:
        """Create an object; None where there is one."""
        key = plural, body["metadata"]["name"]
        if key in self.objects:
            return None
        made = copy.deepcopy(body)
        made["metadata"].setdefault("uid", f"{len(self.objects):08x}-0000")
        made["metadata"].setdefault("creationTimestamp", START.strftime("%Y-%m-%dT%H:%M:%SZ"))
        made["metadata"]["namespace"] = "models"
        self.objects[key] = made
        return self.changed(made)

    def changed(self, made: Json) -> Json:
        """Give an object its next version."""
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        return made

    def fresh(self, key: tuple[str, str], body: Json) -> bool:
        """Whether a change was made for the object as it is."""
        return bool(self.objects[key]["metadata"]["resourceVersion"] == body["metadata"].get("resourceVersion"))


class _Handler(JsonHandler):
    api: Api

    def do_GET(self) -> None:
        plural, name = self._key()
        with self.api.lock:
            if not name:
                self.answer(200, {"items": [o for (p, _), o in self.api.objects.items() if p == plural]})
            else:
                self._found(self.api.objects.get((plural, name)), 404)

    def do_POST(self) -> None:
        with self.api.lock:
            self._found(self.api.put(self._key()[0], self._body()), 409)

    def do_PUT(self) -> None:
        key, body = self._key(), self._body()
        with self.api.lock:
            fresh = self.api.fresh(key, body)
            if fresh:
                self.api.objects[key] = self.api.changed(body)
            self._found(body if fresh else None, 409)

    def do_PATCH(self) -> None:
        key, body = self._key(), self._body()
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        assert self.path.partition("?")[0].endswith("/status")
        with self.api.lock:
            found = self.api.objects[key]
            if self.api.disturb:
                self.api.disturb -= 1
                self.api.changed(found)
            fresh = self.api.fresh(key, body)
            if fresh:
                merge(found, {"status": body["status"]})
                self.api.changed(found)
            self._found(found if fresh else None, 409)

    def _key(self) -> tuple[str, str]:
        parts = self.path.partition("?")[0].removesuffix("/status").split("/")
        assert parts[4:6] == ["namespaces", "models"]
        return parts[6], parts[7] if len(parts) > 7 else ""

    def _body(self) -> Json:
        return dict(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _found(self, found: Json | None, otherwise: int) -> None:
        self.answer(200, found) if found else self.answer(otherwise, {"reason": "no"})


@contextmanager
def serving() -> Iterator[tuple[Api, Objects]]:
    """Run such a server; gives it, and a real client to it."""
    api = Api()
    with answering(_Handler, api=api) as url:
        yield api, Objects("models", url)


def model_rollout(called: str, uid: str = "0b7c1f2e-5d1c", **plan: Any) -> Json:
    """A ModelRollout as a person would write it, after the API server has taken it."""
    metrics = [
        {"name": "error_rate", "tolerated": 0.005, "margin": 0.02},
        {"name": "latency", "aboveMs": 50, "tolerated": 0.01},
    ]
    given = {"name": "sba", "strategy": "canary", "useCase": "sba_loans", "metrics": metrics, "approval": False}
    return {
        "apiVersion": "fairlead.dev/v1",
        "kind": "ModelRollout",
        "metadata": {"name": called, "uid": uid, "creationTimestamp": "2026-03-01T09:00:00Z"},
        "spec": {
            "actor": "anna",
            "plan": {**given, "steps": [{"weight": 5}, {"weight": 25}], **plan},
            "stable": {"model": "models:/sba_loans/1", "service": "sba-1"},
            "candidate": {"model": "models:/sba_loans/2", "service": "sba-2"},
            "traffic": {"mode": "httproute", "name": "sba"},
            "metrics": {"prometheus": "http://127.0.0.1:9090", "stepSeconds": 10},
        },
    }
