import pytest
import yaml
from pydantic import ValidationError

from components.core.errors import FairleadError
from components.core.judging import CHECKS, TITLES, Attribute, Judging
from components.core.use_case import SHIPPED, load


def test_every_check_has_a_title():
    assert tuple(TITLES) == CHECKS


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"groups": {"a": ["1"]}, "cuts": [3]}, "groups are for categories, cuts for numbers"),
        ({"cuts": [40, 30]}, "do not rise"),
        ({"cuts": [30, 30]}, "do not rise"),
        ({"groups": {"a": ["1", "2"], "b": ["2"]}}, "2 stands in two groups"),
    ],
)
def test_groups_that_make_no_sense_are_refused(given, says):
    with pytest.raises(ValidationError, match=says):
        Attribute.model_validate({"column": "sex", **given})


def test_an_unknown_check_cannot_be_left_out():
    with pytest.raises(ValidationError, match="omit"):
        Judging.model_validate({"omit": {"luck": "x"}})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fairness": {"attributes": [{"column": "race"}]}}, r"attributes names 'race'; features\.inputs and"),
        ({"privacy": {"sensitive": ["income"]}}, "sensitive names 'income'"),
        ({"fairness": {"intersections": [["sex", "age"]]}}, "intersections names sex, age; attributes has: "),
    ],
)
def test_columns_that_no_data_set_would_carry_are_refused(change, says):
    case = yaml.safe_load((SHIPPED / "card_default.yaml").read_text(encoding="utf-8"))
    with pytest.raises(FairleadError, match=says):
        load(yaml.safe_dump({**case, "judgement": change}))
