"""KServe in its Standard mode: a canary beside the predictor in one InferenceService, and a route before both.

The candidate is an entry of ``spec.canary`` with a Deployment and a Service of its own. To promote it, the predictor
takes the canary's name, and with it the pods that are running already.

KServe 0.20 makes the canary's pods and repeats its ``trafficPercent`` as status, but the route that it makes sends
everything to the predictor. So the shares are written into a route of ours, between the two Services.
"""

import copy
import hashlib
from collections.abc import Mapping

from components.core.errors import FairleadError
from components.rollout.planes import httproute
from components.rollout.planes.cluster import Cluster, Json, change, conditions, need
from components.rollout.planes.kserve_mode import ANNOTATION, annotation_of, mode_of
from components.rollout.traffic import Traffic, Variant

CONTAINER = "kserve-container"
"""Name that KServe's definition demands of a canary's model."""


class StandardPlane:
    """Shares the requests of one InferenceService out between its predictor and a canary.

    Args:
        cluster: where it is.
        service: its name.
        candidate: storage URI of the candidate.
        route: name of the HTTPRoute that shares the requests out between the Services of the two. Without one the
            gateway has to take the shares from the InferenceService itself, which KServe 0.20 does not see to.
    """

    def __init__(self, cluster: Cluster, service: str, candidate: str, route: str = "") -> None:
        self._cluster = cluster
        self._service = service
        self._candidate = candidate
        self._route = route

    def apply(self, traffic: Traffic) -> None:
        """Ask for the traffic; KServe and the gateway bring it about, and ``current`` tells when they have."""
        service = self._need()
        after = render(service, self._candidate, traffic)
        if self._route:
            route = need(self._cluster, "HTTPRoute", self._route)
            change(self._cluster, service, after)
            change(self._cluster, route, httproute.render(route, backends(service, self._candidate), traffic))
        else:
            change(self._cluster, service, after)

    def current(self) -> Traffic | None:
        """Return what is in force; None while KServe or the gateway has not dealt with the last change."""
        try:
            service = self._cluster.get("InferenceService", self._service)
            route = self._cluster.get("HTTPRoute", self._route) if self._route else None
        except FairleadError:
            return None
        if service is None:
            return None
        entry, status = _entry(service, self._candidate), self._status(service)
        # Not by the generation that KServe says it has observed: it stays while nothing else of the status changes.
        if (entry is None) != (status is None):
            return None
        if entry is None or status is None:
            return Traffic()
        share = int(entry.get("trafficPercent", 0))
        if int(status.get("trafficPercent", 0)) != share:
            return None
        if not self._route:
            return Traffic(candidate=share)
        if route is None or not httproute.accepted(route):
            return None
        return httproute.traffic_in(route, backends(service, self._candidate))

    def healthy(self) -> Mapping[Variant, bool]:
        """Say whether the predictor and the canary are ready."""
        try:
            service = self._need()
        except FairleadError:
            return {}
        ready = conditions(service.get("status", {}))
        status = self._status(service) or {}
        return {"stable": ready.get("PredictorReady", False), "candidate": bool(status.get("ready"))}

    def finish(self, winner: Variant) -> None:
        """Let the predictor take the canary's place, or take the canary away."""
        service = self._need()
        if winner == "candidate" and not _entry(service, self._candidate) and not _won(service, self._candidate):
            raise FairleadError(
                f"{self._candidate} cannot win: it is no canary of {self._service}; apply traffic first"
            )
        if self._route:
            # The route first: it must not name a Service that goes away.
            route = need(self._cluster, "HTTPRoute", self._route)
            change(self._cluster, route, httproute.finished(route, backends(service, self._candidate)[winner]))
        after = promoted(service, self._candidate) if winner == "candidate" else taken_back(service, self._candidate)
        change(self._cluster, service, after)

    def _need(self) -> Json:
        service = need(self._cluster, "InferenceService", self._service)
        if mode_of(service) != "Standard" or annotation_of(service) != "Standard":
            raise FairleadError(
                f"InferenceService {self._service} runs in mode {mode_of(service)} with {ANNOTATION}: "
                f"{annotation_of(service) or 'not set'}; spec.canary needs exactly Standard"
            )
        return service

    def _status(self, service: Json) -> Json | None:
        found = service.get("status", {}).get("canaryStatuses", [])
        return next((dict(s) for s in found if s.get("name") == canary_name(self._candidate)), None)


def canary_name(candidate: str) -> str:
    """Return the name of a candidate's Deployment: always the same for a URI, and another for another.

    >>> canary_name("gs://models/sba/2") == canary_name("gs://models/sba/3")
    False
    """
    return f"c{hashlib.sha256(candidate.encode()).hexdigest()[:8]}"


def backends(service: Json, candidate: str) -> dict[Variant, Json]:
    """Return name and port of the Services that KServe makes for the predictor and for the canary.

    >>> backends({"metadata": {"name": "sba"}, "spec": {"predictor": {}}}, "gs://m/2")["stable"]
    {'name': 'sba-predictor', 'port': 80}
    """
    called = service["metadata"]["name"]
    own = service["spec"]["predictor"].get("name", "")
    names: dict[Variant, str] = {"stable": own, "candidate": canary_name(candidate)}
    return {v: {"name": "-".join(filter(None, (called, name, "predictor"))), "port": 80} for v, name in names.items()}


def render(service: Json, candidate: str, traffic: Traffic) -> Json:
    """Return the InferenceService with the candidate as a canary and its share of the requests.

    Args:
        service: as it is; left as it is. Canaries of others in it stay.
        candidate: storage URI of the candidate.
        traffic: weights; a mirror is not to be had here.

    Raises:
        FairleadError: a mirror is asked for, shares sum to more than 100, or the predictor has no model.
    """
    if traffic.mirror:
        raise FairleadError(
            "KServe's Standard mode cannot mirror requests; use the plane httproute or envoy for shadow and blue-green"
        )
    if _won(service, candidate):
        raise FairleadError(f"{candidate} is what the predictor serves already; a rollout needs another candidate")
    after = copy.deepcopy(service)
    others = _others(after, candidate)
    total = traffic.candidate + sum(int(c.get("trafficPercent", 0)) for c in others)
    if total > 100:
        raise FairleadError(f"spec.canary: shares sum to {total}, allowed: 100 at most; end the other canaries first")
    canary = {"trafficPercent": traffic.candidate, "predictor": _canary_predictor(after, candidate)}
    after["spec"]["canary"] = [*others, canary]
    return after


def promoted(service: Json, candidate: str) -> Json:
    """Return the InferenceService whose predictor is what was the canary; no pod starts anew."""
    after = taken_back(service, candidate)
    predictor = after["spec"]["predictor"]
    predictor["name"] = canary_name(candidate)
    predictor["model"]["storageUri"] = candidate
    return after


def taken_back(service: Json, candidate: str) -> Json:
    """Return the InferenceService without the canary."""
    after = copy.deepcopy(service)
    others = _others(after, candidate)
    after["spec"].pop("canary", None)
    if others:
        after["spec"]["canary"] = others
    return after


def _canary_predictor(service: Json, candidate: str) -> Json:
    model = service["spec"].get("predictor", {}).get("model")
    if model is None:
        name = service.get("metadata", {}).get("name")
        raise FairleadError(f"InferenceService {name} has no spec.predictor.model for a canary to differ from")
    # KServe would take the share of the predictor's pods otherwise: none at 0 %, where the candidate has to start.
    replicas = max(1, service["spec"]["predictor"].get("minReplicas", 1))
    made = {**model, "name": CONTAINER, "storageUri": candidate}
    return {"name": canary_name(candidate), "minReplicas": replicas, "model": made}


def _others(service: Json, candidate: str) -> list[Json]:
    name = canary_name(candidate)
    return [c for c in service["spec"].get("canary") or [] if c.get("predictor", {}).get("name") != name]


def _won(service: Json, candidate: str) -> bool:
    return bool(service["spec"].get("predictor", {}).get("name") == canary_name(candidate))


def _entry(service: Json, candidate: str) -> Json | None:
    name = canary_name(candidate)
    found = [c for c in service["spec"].get("canary") or [] if c.get("predictor", {}).get("name") == name]
    return found[0] if found else None
