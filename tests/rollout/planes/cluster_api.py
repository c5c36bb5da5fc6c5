"""A server that answers as the Kubernetes API does for the objects of one namespace, over real HTTP.

It keeps generations, resource versions and conflicts, merges patches, and plays the part of the controllers by writing
the status that KServe 0.21 and a gateway write. What the controllers do apart from that is not here.
"""

import copy
import json
from collections.abc import Iterator

import pytest

from components.rollout.planes.cluster import APIS, Json, KubernetesCluster
from tests.json_server import JsonHandler, answering

PLURALS = {plural: kind for kind, (_, _, plural) in APIS.items()}


class Api:
    """The objects, and what was done to them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.patches: list[Json] = []
        self.busy = False
        """While true the controllers do nothing, so that a status is behind its object."""
        self._version = 0

    def put(self, made: Json) -> None:
        """Create an object."""
        made = copy.deepcopy(made)
        made["metadata"]["generation"] = 0
        self.objects[made["kind"], made["metadata"]["name"]] = made
        self._changed(made, {})

    def patch(self, kind: str, name: str, patch: Json) -> Json | None:
        """Merge a patch; None where it was made for another version."""
        found = self.objects[kind, name]
        version = patch.get("metadata", {}).pop("resourceVersion", None)
        if version not in (None, found["metadata"]["resourceVersion"]):
            return None
        self.patches.append(patch)
        before = copy.deepcopy(found["spec"])
        merge(found, patch)
        self._changed(found, before)
        return found

    def _changed(self, made: Json, before: Json) -> None:
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        if made["spec"] != before:
            made["metadata"]["generation"] += 1
        if not self.busy:
            self.reconcile(made)

    def reconcile(self, made: Json) -> None:
        """Write the status that a controller would write."""
        if made["kind"] == "HTTPRoute":
            accepted = {"type": "Accepted", "status": "True", "observedGeneration": made["metadata"]["generation"]}
            made["status"] = {"parents": [{"conditions": [accepted]}]}
            return
        status = made.setdefault("status", {})
        status["observedGeneration"] = made["metadata"]["generation"]
        status["conditions"] = [{"type": t, "status": "True"} for t in ("Ready", "PredictorReady")]
        standard = made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
        (_standard if standard else _knative)(made["spec"], status)


def _standard(spec: Json, status: Json) -> None:
    canaries = spec.get("canary", [])
    named = [{"name": c["predictor"]["name"], "trafficPercent": c["trafficPercent"], "ready": True} for c in canaries]
    status["canaryStatuses"] = named


def _knative(spec: Json, status: Json) -> None:
    predictor = status.setdefault("components", {}).setdefault("predictor", {})
    uri, percent = spec["predictor"]["model"]["storageUri"], spec["predictor"].get("canaryTrafficPercent")
    revisions: list[str] = predictor.setdefault("uris", [])  # ours, to name revisions by; KServe has no such field
    if not revisions or revisions[-1] != uri:
        revisions.append(uri)
    newest = f"r-{len(revisions):05d}"
    predictor["latestCreatedRevision"] = predictor["latestReadyRevision"] = newest
    rolled_out = predictor.get("latestRolledoutRevision")
    if percent is None or percent == 100 or rolled_out is None:
        predictor["latestRolledoutRevision"] = newest
        predictor["traffic"] = [{"latestRevision": True, "percent": 100, "revisionName": newest}]
        return
    predictor["traffic"] = [
        {"latestRevision": True, "percent": percent, "revisionName": newest},
        {"latestRevision": False, "percent": 100 - percent, "revisionName": rolled_out},
    ]


def merge(document: Json, patch: Json) -> None:
    """Merge as RFC 7386 says."""
    for name, value in patch.items():
        if value is None:
            document.pop(name, None)
        elif isinstance(value, dict) and isinstance(document.get(name), dict):
            merge(document[name], value)
        else:
            document[name] = copy.deepcopy(value)


class _Handler(JsonHandler):
    api: Api

    def do_GET(self) -> None:
        found = self.api.objects.get(self._key())
        self.answer(200, found) if found else self.answer(404, {"reason": "NotFound"})

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/merge-patch+json":
            self.answer(415, {"reason": "UnsupportedMediaType"})
        elif self._key() not in self.api.objects:
            self.answer(404, {"reason": "NotFound"})
        elif "refuse" in json.loads(body).get("spec", {}):
            self.answer(422, {"reason": "Invalid", "message": "spec.refuse: unknown field"})
        else:
            found = self.api.patch(*self._key(), json.loads(body))
            self.answer(200, found) if found else self.answer(409, {"reason": "Conflict"})

    def _key(self) -> tuple[str, str]:
        _, _, group, version, _, namespace, plural, name = self.path.partition("?")[0].split("/")
        kind = PLURALS[plural]
        assert (group, version, plural) == APIS[kind]
        assert namespace == "models"
        return kind, name


def service(name: str, mode: str, uri: str = "gs://models/sba/1") -> Json:
    """An InferenceService as a person would write it."""
    model = {"modelFormat": {"name": "fairlead"}, "storageUri": uri}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": {"serving.kserve.io/deploymentMode": mode}},
        "spec": {"predictor": {"minReplicas": 2, "model": model}},
    }


def route(name: str) -> Json:
    """An HTTPRoute as a person would write it, all of it for one service."""
    backend = {"name": "sba-1-predictor", "port": 80}
    match = {"path": {"type": "PathPrefix", "value": "/v2"}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": "gateway"}],
            "rules": [{"matches": [match], "backendRefs": [backend]}],
        },
    }


@pytest.fixture
def cluster() -> Iterator[tuple[Api, KubernetesCluster]]:
    """A server of that kind and a real client to it."""
    api = Api()
    with answering(_Handler, api=api) as url:
        yield api, KubernetesCluster("models", url)
