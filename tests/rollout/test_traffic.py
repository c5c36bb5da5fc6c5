"""Traffic is a value whose weights always sum to 100."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.rollout.traffic import Traffic


@given(st.integers(0, 100))
def test_weights_sum_to_100(weight: int) -> None:
    traffic = Traffic(candidate=weight)
    assert traffic.candidate + traffic.stable == 100


@pytest.mark.parametrize("values", [{"mirror": "candidate"}, {"candidate": 100, "mirror": "stable"}])
def test_who_answers_nothing_may_get_copies(values: dict[str, Any]) -> None:
    assert Traffic(**values).mirror == values["mirror"]


@pytest.mark.parametrize(
    "values",
    [
        {"candidate": -1},
        {"candidate": 101},
        {"candidate": 5, "mirror": "candidate"},
        {"candidate": 100, "mirror": "candidate"},
        {"mirror": "stable"},
        {"mirror": "nobody"},
    ],
)
def test_other_traffic_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Traffic(**values)
