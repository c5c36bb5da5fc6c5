import pytest
from pydantic import ValidationError

from components.core.explaining import Actionable, Course, Explanations, Moving, Reason
from components.core.row_rule import Rule
from components.core.use_case import load, shipped


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_use_case_tells_people_what_was_decided_and_whom_to_ask(name):
    told = load(name).explanations
    assert told.declined
    assert told.contact
    features = set(load(name).features.names)
    spoken_of = [f for reason in told.reasons.values() for f in reason.features]
    assert set(spoken_of) <= features
    assert len(spoken_of) == len(set(spoken_of)), "a feature belongs to one reason"


def test_what_may_change_says_which_way():
    assert Actionable(column="age").direction == "any"
    with pytest.raises(ValidationError, match="'any', 'increase' or 'decrease'"):
        Actionable.model_validate({"column": "age", "direction": "up"})


def test_words_that_are_none_of_ours_are_refused():
    for model, given in (
        (Reason, {"features": ["x"], "text": "t", "because": "y"}),
        (Moving, {"columns": ["x"], "becomes": "0", "until": 3}),
        (Course, {"moving": [], "text": "t", "months": 3}),
    ):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            model.model_validate(given)


def test_rules_of_proposals_are_rules_of_rows():
    rule = Rule(name="paid", column="x", expect="x > 0")
    assert Explanations(rules=(rule,)).rules == (rule,)
