"""What a rollout writes into an HTTPRoute, and what it reads there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.planes import httproute
from components.rollout.planes.cluster import Json, KubernetesCluster
from components.rollout.planes.httproute import HTTPRoutePlane
from components.rollout.traffic import Traffic, Variant
from tests.rollout.planes.cluster_api import Api, route, service

BACKENDS: dict[Variant, Json] = {
    "stable": {"name": "sba-1-predictor", "port": 80},
    "candidate": {"name": "sba-2-predictor", "port": 80},
}
HEADER = "x-cohort"
PATH = {"path": {"type": "PathPrefix", "value": "/v2"}}


def side(made: Json, cohort: str | None) -> dict[str, int]:
    """Who gets a request of a cohort, by the rules of the Gateway API: the most specific match, then the first."""
    for rule in made["spec"]["rules"]:
        for match in rule["matches"]:
            headers = {h["name"]: h["value"] for h in match.get("headers", [])}
            if all(name == HEADER and value == cohort for name, value in headers.items()):
                return {ref["name"]: ref["weight"] for ref in rule["backendRefs"]}
    raise AssertionError("no rule matches")


def test_rendering_weighs_two_services_and_keeps_the_rest() -> None:
    before = route("sba")
    after = httproute.render(before, BACKENDS, Traffic(candidate=5))
    assert before == route("sba")
    assert after["spec"]["parentRefs"] == before["spec"]["parentRefs"]
    assert after["spec"]["rules"] == [
        {
            "matches": [PATH],
            "backendRefs": [
                {"name": "sba-2-predictor", "port": 80, "weight": 5},
                {"name": "sba-1-predictor", "port": 80, "weight": 95},
            ],
        }
    ]


@pytest.mark.parametrize("traffic", [Traffic(mirror="candidate"), Traffic(candidate=100, mirror="stable")], ids=str)
def test_a_mirror_is_a_filter(traffic: Traffic) -> None:
    assert traffic.mirror
    after = httproute.render(route("sba"), BACKENDS, traffic)
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": BACKENDS[traffic.mirror]}}
    assert after["spec"]["rules"][0]["filters"] == [mirror]
    assert httproute.traffic_in(after, BACKENDS) == traffic


@given(st.integers(0, 100), st.integers(0, 100))
def test_every_cohort_is_on_the_side_that_its_weight_says_however_the_route_was_before(first: int, then: int) -> None:
    made = httproute.render(route("sba"), BACKENDS, Traffic(candidate=first), HEADER)
    made = httproute.render(made, BACKENDS, Traffic(candidate=then), HEADER)
    for number in range(100):
        weights = side(made, f"{number:02d}")
        winner = "sba-2-predictor" if number < then else "sba-1-predictor"
        assert weights[winner] == sum(weights.values())
    assert side(made, None) == {"sba-2-predictor": then, "sba-1-predictor": 100 - then}
    assert httproute.traffic_in(made, BACKENDS) == Traffic(candidate=then)
    assert max(len(rule["matches"]) for rule in made["spec"]["rules"]) <= 64
    assert sum(len(rule["matches"]) for rule in made["spec"]["rules"]) <= 128
    assert len(made["spec"]["rules"]) <= 16


def test_cohorts_and_many_matches_do_not_go_together() -> None:
    made = route("sba")
    made["spec"]["rules"][0]["matches"] = [PATH, {"path": {"type": "PathPrefix", "value": "/v1"}}]
    with pytest.raises(FairleadError, match="2 matches and 100 cohorts"):
        httproute.render(made, BACKENDS, Traffic(candidate=5), HEADER)


@pytest.mark.parametrize(
    "rules",
    [[], [{}], [{"backendRefs": [{"name": "a"}]}], [{"backendRefs": [{**BACKENDS["stable"], "weight": 3}]}]],
)
def test_routes_that_are_not_ours_are_none(rules: list[Json]) -> None:
    assert httproute.traffic_in({"spec": {"rules": rules}}, BACKENDS) is None


def test_the_route_has_one_backend_in_the_end(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    for name in ("sba-1", "sba-2"):
        api.put(service(name, "Standard"))
    api.put(route("sba"))
    plane = HTTPRoutePlane(client, "sba", "sba-1", "sba-2", cohort_header=HEADER)
    plane.apply(Traffic(candidate=30))
    plane.finish("candidate")
    spec = api.objects["HTTPRoute", "sba"]["spec"]
    assert spec["rules"] == [{"matches": [PATH], "backendRefs": [{**BACKENDS["candidate"], "weight": 1}]}]
    with pytest.raises(FairleadError, match="has won already"):
        plane.apply(Traffic(candidate=30))


def test_a_route_that_no_gateway_has_accepted_says_nothing(cluster: tuple[Api, KubernetesCluster]) -> None:
    api, client = cluster
    api.put(route("sba"))
    plane = HTTPRoutePlane(client, "sba", "sba-1", "sba-2")
    api.busy = True
    plane.apply(Traffic(candidate=30))
    assert plane.current() is None
    assert plane.healthy() == {"stable": False, "candidate": False}
