import pytest
from pydantic.alias_generators import to_camel, to_snake

from components.core.errors import FairleadError
from components.rollout.model_rollout import Spec, id_of, name_of, renamed, rollout_of, spec_of
from components.rollout.plan import Plan
from tests.cluster.control_plane.plans import BAD, GOOD
from tests.rollout.kubernetes_api import model_rollout
from tests.rollout.looks import STRATEGIES, plan


def keys(schema):
    """All keys that a schema names, at any depth."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {})


def test_every_key_becomes_the_other_form_and_comes_back():
    found = set(keys(Spec.model_json_schema()))
    assert {"above_ms", "storage_uri", "when_time_is_up"} <= found
    assert {to_snake(to_camel(key)) for key in found} == found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_plan_is_the_same_after_the_way_through_a_cluster(strategy):
    made = plan(strategy)
    written = renamed(made.model_dump(mode="json", exclude_none=True), to_camel)
    assert Plan.model_validate(renamed(written, to_snake)) == made


def test_an_object_is_a_start():
    made = rollout_of(model_rollout("sba-2"))
    assert (made.id, made.actor, made.plane) == ("sba-2.0b7c1f2e", "anna", "httproute")
    assert (made.stable, made.candidate) == ("models:/sba_loans/1", "models:/sba_loans/2")
    assert made.started.isoformat() == "2026-03-01T09:00:00+00:00"
    assert made.plan.metric("latency").above_ms == 50


def test_labels_are_peoples_own():
    found = model_rollout("sba-2")
    found["spec"]["stable"]["labels"] = {"appName": "x"}
    assert spec_of(found).stable.labels == {"appName": "x"}


def test_what_is_wrong_is_named_as_people_write_it():
    found = model_rollout("sba-2", lookSeconds=0)
    found["spec"]["metrics"]["prometheus"] = "prometheus:9090"
    with pytest.raises(FairleadError) as caught:
        spec_of(found)
    assert "ModelRollout sba-2: spec.plan.lookSeconds: " in str(caught.value)
    assert "spec.metrics.prometheus: " in str(caught.value)


@pytest.mark.parametrize("case", sorted(GOOD))
def test_a_right_plan_is_read(case):
    assert spec_of(model_rollout("good", **GOOD[case])).plan


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_wrong_plan_is_refused(case):
    with pytest.raises(FairleadError, match=r"spec\.plan"):
        spec_of(model_rollout("bad", **BAD[case][1]))


def test_a_name_that_is_used_again_is_another_rollout():
    first, second = model_rollout("a.b", uid="11111111-0"), model_rollout("a.b", uid="22222222-0")
    assert id_of(first) != id_of(second)
    assert name_of(id_of(first)) == name_of(id_of(second)) == "a.b"
