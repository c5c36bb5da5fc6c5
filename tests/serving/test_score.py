import dataclasses
import json

import pytest

from components.core.errors import ContractViolation, IntegrityError
from components.serving import v2
from components.serving.exchange import Wanted
from components.serving.score import check_examples, score
from components.training.calibration import Calibration


@pytest.fixture
def request_(good):
    return v2.decode(json.dumps(good).encode())


def test_outputs_come_in_the_order_asked_for(opened, request_):
    wanted = (Wanted("decision"), Wanted("probability", binary=True))
    answer = score(opened, dataclasses.replace(request_, outputs=wanted), 1, "m", "7")
    assert [(r.name, r.datatype, r.binary) for r in answer.outputs] == [
        ("decision", "INT64", False),
        ("probability", "FP64", True),
    ]
    assert (answer.model, answer.version, answer.id) == ("m", "7", "middling-risk")


def test_a_decision_is_the_threshold_applied_to_the_probability(opened):
    for example in opened.examples():
        answer = score(opened, v2.decode(json.dumps(example["request"]).encode()), 1, "m", "7")
        probability, decision = (r.values[0] for r in answer.outputs)
        assert decision == int(probability >= opened.contract.threshold) == example["decision"]


def test_a_call_without_a_name_gets_one_of_its_own(opened, request_):
    nameless = dataclasses.replace(request_, id=None)
    assert score(opened, nameless, 1, "m", "7").id != score(opened, nameless, 1, "m", "7").id


@pytest.mark.parametrize(
    ("names", "text"), [(("score",), "unknown; allowed: "), (("decision",) * 2, "asked for twice")]
)
def test_wrong_outputs_are_refused(opened, request_, names, text):
    wanted = tuple(Wanted(name) for name in names)
    with pytest.raises(ContractViolation, match=text):
        score(opened, dataclasses.replace(request_, outputs=wanted), 1, "m", "7")


def test_an_environment_that_computes_otherwise_is_found_by_the_examples(opened):
    check_examples(opened)
    slope, intercept = opened.calibration.slope, opened.calibration.intercept + 0.001
    other = dataclasses.replace(opened, calibration=Calibration(slope=slope, intercept=intercept))
    with pytest.raises(IntegrityError, match=r"example 'low risk' scores 0\.\d+ here, expected 0\.\d+ within 5e-06"):
        check_examples(other)
