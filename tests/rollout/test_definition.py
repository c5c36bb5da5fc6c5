from pathlib import Path

import pytest

from components.rollout.definition import RULES, definition, structural, text
from components.rollout.model_rollout import Spec

WRITTEN = Path(__file__).parents[2] / "manifests" / "rollout" / "definition.yaml"


def schema():
    (version,) = definition()["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"]


def test_what_is_written_is_what_is_made():
    way_out = "write it anew: python -m components.rollout.definition > manifests/rollout/definition.yaml"
    assert WRITTEN.read_text(encoding="utf-8") == text(), way_out


def test_bounds_and_choices_are_those_of_the_plan():
    plan = schema()["spec"]["properties"]["plan"]["properties"]
    assert plan["strategy"]["enum"] == ["canary", "shadow", "blue_green", "ab", "bandit"]
    assert (plan["alpha"]["minimum"], plan["alpha"]["exclusiveMinimum"], plan["alpha"]["maximum"]) == (0, True, 0.5)
    weight = plan["steps"]["items"]["properties"]["weight"]
    assert (weight["minimum"], weight["maximum"]) == (1, 100)
    assert "default" not in plan["bandit"]
    assert plan["whenTimeIsUp"]["default"] == "roll_back"


def test_every_rule_stands_at_its_section():
    spec = schema()["spec"]
    metric = spec["properties"]["plan"]["properties"]["metrics"]["items"]
    found = [len(part["x-kubernetes-validations"]) for part in (spec["properties"]["plan"], metric, spec)]
    assert found == [len(RULES[name]) for name in ("Plan", "Metric", "Spec")]


def test_all_but_the_wish_stays_as_it_was_made():
    rules = {rule for rule, _ in RULES["Spec"]}
    held = {name for name in Spec.model_fields if f"self.{name} == oldSelf.{name}" in rules}
    assert held == Spec.model_fields.keys() - {"wish"}


def test_the_schema_is_structural():
    """The API server takes no references, and every part of it has one type."""

    def walk(part):
        assert isinstance(part["type"], str)
        assert not {"$ref", "anyOf", "allOf", "oneOf"} & part.keys()
        inner = [
            *part.get("properties", {}).values(),
            *(part[k] for k in ("items", "additionalProperties") if k in part),
        ]
        for one in inner:
            walk(one)

    walk(schema()["spec"])
    walk(schema()["status"])


def test_a_union_of_two_kinds_is_nothing_that_could_be_written():
    with pytest.raises(ValueError, match="unpack"):
        structural({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {})
