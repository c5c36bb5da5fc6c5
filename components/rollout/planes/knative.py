"""KServe in its Knative mode: two revisions of one InferenceService, shared out by ``canaryTrafficPercent``.

The candidate is the newest revision, the stable model the one that was rolled out before it. The percentage 0 pins
traffic to the stable revision; without the field the newest revision gets everything, as soon as it is ready.

The generation that KServe 0.20 reports is that of the Knative Service behind it, which not every change
reaches. So what is in force is told by the shares and revisions that it reports, not by their number.

Once a revision has had everything, KServe counts it as the one that was rolled out, and would send "the rest" to it. So
everything is for a verdict: there is no way back from it here but another rollout.
"""

import copy
from collections.abc import Mapping

from components.core.errors import FairleadError
from components.rollout.planes.cluster import Cluster, Json, change, need
from components.rollout.planes.kserve_mode import ANNOTATION, mode_of
from components.rollout.traffic import Traffic, Variant

PERCENT = "canaryTrafficPercent"


class KnativePlane:
    """Shares the requests of one InferenceService out between two of its revisions.

    Args:
        cluster: where it is.
        service: its name.
        stable: storage URI of the stable model.
        candidate: storage URI of the candidate.
    """

    def __init__(self, cluster: Cluster, service: str, stable: str, candidate: str) -> None:
        self._cluster = cluster
        self._service = service
        self._stable = stable
        self._candidate = candidate

    def apply(self, traffic: Traffic) -> None:
        """Ask for the traffic; KServe brings it about within seconds, and ``current`` tells when it has."""
        service = self._need()
        if traffic.candidate < 100:
            self._refuse_way_back(service)
        change(self._cluster, service, render(service, self._candidate, traffic))

    def current(self) -> Traffic | None:
        """Return what KServe says is in force; None while it has not dealt with the last change."""
        try:
            service = self._cluster.get("InferenceService", self._service)
        except FairleadError:
            return None
        if service is None:
            return None
        asked = service["spec"]["predictor"].get(PERCENT)
        if asked is None and _uri(service) == self._stable:
            return Traffic()
        predictor = _status(service)
        share = sum(t.get("percent", 0) for t in predictor.get("traffic", []) if t.get("latestRevision"))
        if share != (100 if asked is None else asked) or not predictor.get("traffic"):
            return None
        if asked is None or _uri(service) == self._stable:
            return Traffic()  # a verdict is in force: for the candidate, or against it
        return Traffic(candidate=share) if _newest_waits(predictor) or share == 100 else None

    def healthy(self) -> Mapping[Variant, bool]:
        """Say whether the newest revision, and the one rolled out before it, can answer."""
        try:
            service = self._need()
        except FairleadError:
            return {}
        predictor = _status(service)
        newest, ready = predictor.get("latestCreatedRevision"), predictor.get("latestReadyRevision")
        won = PERCENT not in service["spec"]["predictor"] and predictor.get("latestRolledoutRevision") == newest
        own = _uri(service) == self._candidate and (_newest_waits(predictor) or won)
        candidate = own and newest is not None and newest == ready
        return {"stable": bool(predictor.get("latestRolledoutRevision")), "candidate": candidate}

    def finish(self, winner: Variant) -> None:
        """Let the newest revision have everything, or take the candidate away."""
        service = self._need()
        if winner == "stable":
            self._refuse_way_back(service)
        after = promoted(service, self._candidate) if winner == "candidate" else taken_back(service, self._stable)
        change(self._cluster, service, after)

    def _refuse_way_back(self, service: Json) -> None:
        predictor = _status(service)
        newest = predictor.get("latestCreatedRevision")
        if _uri(service) == self._candidate and newest and predictor.get("latestRolledoutRevision") == newest:
            raise FairleadError(
                f"{self._candidate} has had everything, and KServe would send what is left over to it as well; "
                f"to go back, start a rollout with {self._stable} as the candidate, or an InferenceService of its own"
            )

    def _need(self) -> Json:
        service = need(self._cluster, "InferenceService", self._service)
        if mode_of(service) != "Knative":
            raise FairleadError(
                f"InferenceService {self._service} runs in mode {mode_of(service)}, where {PERCENT} is ignored; "
                f"use the plane standard, or set the annotation {ANNOTATION}: Knative on a new InferenceService"
            )
        return service


def render(service: Json, candidate: str, traffic: Traffic) -> Json:
    """Return the InferenceService with the candidate as its newest revision and its share of the requests.

    Args:
        service: as it is; left as it is.
        candidate: storage URI of the candidate.
        traffic: weights; a mirror is not to be had here.

    Raises:
        FairleadError: a mirror is asked for, or the predictor has no model.
    """
    if traffic.mirror:
        raise FairleadError(
            "KServe's Knative mode cannot mirror requests; use the plane httproute or envoy for shadow and blue-green"
        )
    after = _with_uri(service, candidate)
    after["spec"]["predictor"][PERCENT] = traffic.candidate
    return after


def promoted(service: Json, candidate: str) -> Json:
    """Return the InferenceService with all requests for the candidate."""
    after = _with_uri(service, candidate)
    after["spec"]["predictor"].pop(PERCENT, None)
    return after


def taken_back(service: Json, stable: str) -> Json:
    """Return the InferenceService without the candidate.

    The percentage stays at 0: were it removed, the newest revision that is ready, the candidate, would get everything
    until the stable model has started again.
    """
    after = _with_uri(service, stable)
    after["spec"]["predictor"][PERCENT] = 0
    return after


def _with_uri(service: Json, uri: str) -> Json:
    after = copy.deepcopy(service)
    model = after.get("spec", {}).get("predictor", {}).get("model")
    if model is None:
        name = service.get("metadata", {}).get("name")
        raise FairleadError(f"InferenceService {name} has no spec.predictor.model, whose storageUri a rollout changes")
    model["storageUri"] = uri
    return after


def _uri(service: Json) -> str | None:
    uri = service.get("spec", {}).get("predictor", {}).get("model", {}).get("storageUri")
    return None if uri is None else str(uri)


def _status(service: Json) -> Json:
    return dict(service.get("status", {}).get("components", {}).get("predictor", {}))


def _newest_waits(predictor: Json) -> bool:
    """Say whether the newest revision is another than the one that has had everything."""
    newest = predictor.get("latestCreatedRevision")
    return newest is not None and newest != predictor.get("latestRolledoutRevision")
