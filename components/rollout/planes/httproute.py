"""A route of the Gateway API before two InferenceServices: weights, copies, and cohorts that stick."""

import copy
from collections.abc import Mapping

from components.core.errors import FairleadError
from components.rollout.planes.cluster import Cluster, Json, change, conditions, need
from components.rollout.traffic import Traffic, Variant

MOST_MATCHES = 64
"""That one rule may have."""


class HTTPRoutePlane:
    """Shares the requests of one HTTPRoute out between the predictors of two InferenceServices.

    The Gateway API cannot hash a header. Keys stick where the clients, or a gateway before this one, send the key's
    cohort (``components.rollout.cohort``, written ``00`` to ``99``) in a header; requests without it are drawn.

    Args:
        cluster: where it is.
        route: name of the HTTPRoute.
        stable: name of the stable model's InferenceService.
        candidate: name of the candidate's.
        cohort_header: that holds a key's cohort; None draws every request.
        port: of both services.
    """

    def __init__(
        self,
        cluster: Cluster,
        route: str,
        stable: str,
        candidate: str,
        cohort_header: str | None = None,
        port: int = 80,
    ) -> None:
        self._cluster = cluster
        self._route = route
        self._names: dict[Variant, str] = {"stable": stable, "candidate": candidate}
        self._backends: dict[Variant, Json] = {
            variant: {"name": f"{name}-predictor", "port": port} for variant, name in self._names.items()
        }
        self._cohort_header = cohort_header

    def apply(self, traffic: Traffic) -> None:
        """Ask for the traffic; the gateway brings it about within seconds, and ``current`` tells when it has."""
        route = need(self._cluster, "HTTPRoute", self._route)
        if self._only(route) == "candidate" and traffic != Traffic():
            raise FairleadError(
                f"HTTPRoute {self._route} has {self._names['candidate']} as its only backend, it has won already; "
                "name it as the stable one to start another rollout"
            )
        if self._only(route) != "candidate":
            change(self._cluster, route, render(route, self._backends, traffic, self._cohort_header))

    def current(self) -> Traffic | None:
        """Return what the route says, once a gateway has accepted it as it is now; None before that."""
        try:
            route = self._cluster.get("HTTPRoute", self._route)
        except FairleadError:
            return None
        if route is None or not accepted(route):
            return None
        return Traffic() if self._only(route) else traffic_in(route, self._backends)

    def healthy(self) -> Mapping[Variant, bool]:
        """Say which of the two InferenceServices are ready."""
        try:
            found = {v: self._cluster.get("InferenceService", name) for v, name in self._names.items()}
        except FairleadError:
            return {}
        return {v: conditions((s or {}).get("status", {})).get("Ready", False) for v, s in found.items()}

    def finish(self, winner: Variant) -> None:
        """Send everything to one of the two; the other's InferenceService may be deleted then."""
        route = need(self._cluster, "HTTPRoute", self._route)
        change(self._cluster, route, finished(route, self._backends[winner]))

    def _only(self, route: Json) -> Variant | None:
        """Return the variant that is the route's only backend, if one is."""
        names = {ref["name"] for rule in route["spec"].get("rules", []) for ref in rule.get("backendRefs", [])}
        return next((v for v, backend in self._backends.items() if names == {backend["name"]}), None)


def render(route: Json, backends: Mapping[Variant, Json], traffic: Traffic, cohort_header: str | None = None) -> Json:
    """Return the HTTPRoute that shares requests out between two backends.

    Args:
        route: as it is; left as it is. What its first rule matches is kept, other rules are taken to be our own.
        backends: name and port of each variant's service.
        traffic: weights and mirror.
        cohort_header: that holds a key's cohort, ``00`` to ``99``.

    Raises:
        FairleadError: the route matches several things and cohorts too would be more matches than a rule may have.
    """
    after = copy.deepcopy(route)
    matches = _own_matches(after, cohort_header)
    shares: dict[Variant, int] = {"candidate": traffic.candidate, "stable": traffic.stable}
    weighted: Json = {"backendRefs": [{**backends[v], "weight": share} for v, share in shares.items()]}
    if traffic.mirror:
        mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": dict(backends[traffic.mirror])}}
        weighted["filters"] = [mirror]
    rules = [weighted | ({"matches": matches} if matches else {})]
    if cohort_header and 0 < traffic.candidate < 100:
        rules = [*_cohorts(backends, traffic, cohort_header, matches), *rules]
    after["spec"]["rules"] = rules
    return after


def finished(route: Json, backend: Json) -> Json:
    """Return the HTTPRoute with one backend alone."""
    after = copy.deepcopy(route)
    last = after["spec"]["rules"][-1]
    rule: Json = {"backendRefs": [{**backend, "weight": 1}]}
    after["spec"]["rules"] = [rule | ({"matches": last["matches"]} if last.get("matches") else {})]
    return after


def traffic_in(route: Json, backends: Mapping[Variant, Json]) -> Traffic | None:
    """Read the traffic out of an HTTPRoute; None when it is not one of ours."""
    try:
        rule = route["spec"]["rules"][-1]
        weights = {ref["name"]: int(ref.get("weight", 1)) for ref in rule["backendRefs"]}
        mirrors = [f["requestMirror"]["backendRef"]["name"] for f in rule.get("filters", []) if "requestMirror" in f]
        variants: dict[str, Variant] = {backend["name"]: variant for variant, backend in backends.items()}
        if weights.keys() != variants.keys() or sum(weights.values()) != 100 or len(mirrors) > 1:
            return None
        mirror = variants[mirrors[0]] if mirrors else None
        return Traffic(candidate=weights[backends["candidate"]["name"]], mirror=mirror)
    except (KeyError, IndexError, ValueError):
        return None


def _cohorts(backends: Mapping[Variant, Json], traffic: Traffic, header: str, matches: list[Json]) -> list[Json]:
    """Make the rules that send each cohort to its side; a rule may have so many matches only, so there are several."""
    if len(matches) > 1:
        raise FairleadError(
            f"spec.rules: {len(matches)} matches and 100 cohorts are more than a rule may have ({MOST_MATCHES}); "
            "give each match an HTTPRoute of its own"
        )
    base = matches[0] if matches else {}
    sides: dict[Variant, range] = {"candidate": range(traffic.candidate), "stable": range(traffic.candidate, 100)}
    rules = []
    for variant, numbers in sides.items():
        each = [
            {**base, "headers": [*base.get("headers", []), {"type": "Exact", "name": header, "value": f"{n:02d}"}]}
            for n in numbers
        ]
        for start in range(0, len(each), MOST_MATCHES):
            refs = [{**backends[variant], "weight": 1}]
            rules.append({"matches": each[start : start + MOST_MATCHES], "backendRefs": refs})
    return rules


def _own_matches(route: Json, cohort_header: str | None) -> list[Json]:
    """Return what the route matched before any cohort was added."""
    rules = route["spec"].get("rules") or [{}]
    matches: list[Json] = rules[-1].get("matches", [])
    ours = [m for m in matches if any(h.get("name") == cohort_header for h in m.get("headers", []))]
    return [m for m in matches if m not in ours]


def accepted(route: Json) -> bool:
    """Whether a gateway has taken a route as it is now."""
    generation = route["metadata"].get("generation")
    parents = route.get("status", {}).get("parents", [])
    return any(
        c.get("type") == "Accepted" and c.get("status") == "True" and c.get("observedGeneration") == generation
        for parent in parents
        for c in parent.get("conditions", [])
    )
