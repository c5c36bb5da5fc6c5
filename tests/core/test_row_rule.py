import pytest
from pydantic import ValidationError

from components.core.row_rule import Rule


def test_a_rule_names_itself_its_column_and_what_it_expects():
    with pytest.raises(ValidationError, match="expect"):
        Rule.model_validate({"name": "a", "column": "x"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Rule.model_validate({"name": "a", "column": "x", "expect": "x > 0", "severity": 1})
    with pytest.raises(ValidationError, match="frozen"):
        Rule(name="a", column="x", expect="x > 0").name = "b"
