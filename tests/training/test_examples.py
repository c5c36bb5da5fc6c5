import numpy as np
import pytest

from components.core.contracts import Field
from components.training.examples import example_differences
from components.training.v2_request import v2_body

FIELDS = (Field(name="x", kind="float"), Field(name="bank", kind="category", nullable=True))


def _example(name, x, probability):
    rows = {"x": np.array([x]), "bank": np.array([None], dtype=object)}
    return {"name": name, "request": v2_body(rows, FIELDS, name), "probability": probability}


EXAMPLES = [_example("low", 0.1, 0.1), _example("high", 0.9, 0.9)]


def test_answers_within_the_tolerance_are_no_difference():
    assert example_differences(EXAMPLES, FIELDS, lambda rows: rows["x"] + 4e-6) == []


@pytest.mark.parametrize("off", [6e-6, -6e-6])
def test_each_answer_that_is_off_is_named_with_both_values(off):
    lines = example_differences(EXAMPLES, FIELDS, lambda rows: rows["x"] + off * (rows["x"] > 0.5))
    assert lines == [f"example 'high': scores {0.9 + off:.9f} here, expected 0.900000000 within 5e-06"]


def test_an_answer_that_is_no_number_is_a_difference():
    assert len(example_differences(EXAMPLES, FIELDS, lambda rows: rows["x"] * np.nan)) == 2


def test_code_that_fails_is_a_difference():
    lines = example_differences(EXAMPLES[:1], FIELDS, lambda rows: rows["gone"])
    assert lines == ["example 'low': cannot be scored: KeyError: 'gone'"]


def test_nothing_to_compare_is_not_agreement():
    assert example_differences([], FIELDS, lambda rows: rows["x"]) == [
        "examples.json: there is no example to compare scores with"
    ]
