"""The gates' section of a use case: what it may not say."""

import pytest
from pydantic import ValidationError

from components.core.gating import Behaviour, Champion, Floor


@pytest.mark.parametrize("given", [{}, {"minimum": 0.1, "maximum": 0.2}])
def test_a_floor_has_exactly_one_threshold(given):
    with pytest.raises(ValidationError, match="exactly one of minimum and maximum"):
        Floor(gate="g", metric="auc", **given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "riskier"}, "needs where"),
        ({"kind": "invariance", "column": "x", "values": [1]}, "needs column and two or more values"),
        ({"kind": "increasing", "column": "x"}, "needs column and multiply"),
        ({"kind": "decreasing", "multiply": 2}, "needs column and multiply"),
    ],
)
def test_a_behaviour_says_what_its_kind_needs(given, says):
    with pytest.raises(ValidationError, match=f"behaviour 'b' .*{says}"):
        Behaviour(name="b", **given)


def test_a_margin_is_given_in_one_way():
    with pytest.raises(ValidationError, match=r"margin 0\.01 and margin_share 0\.03 are both given; take one"):
        Champion(margin=0.01, margin_share=0.03)
    assert Champion(margin_share=0.03).margin == 0.0


@pytest.mark.parametrize("name", ["margin", "margin_share"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_margin_without_an_end_is_no_gate(name, value):
    with pytest.raises(ValidationError, match="finite number"):
        Champion(**{name: value})
