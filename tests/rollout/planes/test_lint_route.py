"""Each way in which an HTTPRoute shares out nothing, or something else, is found by its field."""

from collections.abc import Callable

import pytest

from components.rollout.plan import Metric, Plan, Step
from components.rollout.planes.cluster import Json
from components.rollout.planes.httproute import render
from components.rollout.planes.lint_route import lint_route
from components.rollout.traffic import Traffic
from tests.rollout.planes.cluster_api import route
from tests.rollout.planes.test_httproute import BACKENDS, HEADER

STICKY = Plan(
    name="p",
    strategy="canary",
    use_case="sba_loans",
    metrics=(Metric(name="error_rate", margin=0.01),),
    steps=(Step(weight=5),),
    sticky_header=HEADER,
)


def found(made: Json, plan: Plan | None = None, separate: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    return [(f.severity, f.field) for f in lint_route(made, plan, separate)]


def change(edit: Callable[[Json], object]) -> Json:
    made = route("sba")
    edit(made)
    return made


def refs(*weights: int) -> list[Json]:
    return [{"name": f"s{place}", "port": 80, "weight": weight} for place, weight in enumerate(weights)]


@pytest.mark.parametrize(
    "made",
    [
        route("sba"),
        render(route("sba"), BACKENDS, Traffic(candidate=5)),
        render(route("sba"), BACKENDS, Traffic(mirror="candidate")),
        render(route("sba"), BACKENDS, Traffic(candidate=20), HEADER),
    ],
)
def test_what_is_ours_is_sound(made: Json) -> None:
    assert found(made) == []


MATCH = {"path": {"type": "PathPrefix", "value": "/"}}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (change(lambda r: r["spec"].pop("parentRefs")), ("error", "spec.parentRefs")),
        (change(lambda r: r["spec"].update(rules=[])), ("error", "spec.rules")),
        (change(lambda r: r.update(apiVersion="gateway.networking.k8s.io/v1beta1")), ("warning", "apiVersion")),
        (
            change(lambda r: r["spec"].update(rules=[{"backendRefs": refs(0, 0)}])),
            ("error", "spec.rules[0].backendRefs"),
        ),
        (
            change(lambda r: r["spec"].update(rules=[{"backendRefs": refs(1, 9)}])),
            ("warning", "spec.rules[0].backendRefs"),
        ),
        (
            change(lambda r: r["spec"].update(rules=[{"backendRefs": refs(1)}] * 17)),
            ("error", "spec.rules"),
        ),
        (
            change(lambda r: r["spec"]["rules"][0].update(matches=[MATCH] * 65)),
            ("error", "spec.rules[0].matches"),
        ),
        (
            change(lambda r: r["spec"].update(rules=[{"matches": [MATCH] * 60, "backendRefs": refs(1)}] * 3)),
            ("error", "spec.rules"),
        ),
        (
            change(
                lambda r: r["spec"]["rules"][0].update(
                    backendRefs=refs(100, 0), filters=[{"requestMirror": {"backendRef": {"name": "s0"}}}]
                )
            ),
            ("error", "spec.rules[0].filters"),
        ),
    ],
)
def test_what_would_not_share_out_is_found(made: Json, expected: tuple[str, str]) -> None:
    assert found(made) == [expected]


def test_a_route_past_a_transformer_is_found() -> None:
    assert found(route("sba"), separate=frozenset({"sba-1"})) == [("error", "spec.rules[0].backendRefs")]
    assert found(route("sba"), separate=frozenset({"other"})) == []


def test_keys_stick_by_cohorts_alone() -> None:
    assert found(route("sba"), STICKY) == [("warning", "sticky_header")]
    two = change(lambda r: r["spec"]["rules"][0].update(matches=[MATCH, MATCH]))
    assert found(two, STICKY) == [("warning", "sticky_header"), ("error", "spec.rules[0].matches")]
