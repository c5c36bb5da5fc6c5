import re

import numpy as np
import pytest

from components.core.contracts import Estimate
from components.judgement.explanations.dependence import Bin
from components.judgement.explanations.drawings import (
    dependence_chart,
    faithfulness_chart,
    importance_chart,
    shift_chart,
)
from components.judgement.explanations.faithfulness import Faithfulness
from components.judgement.explanations.measured import Measured


def _told(svg: str) -> set[str]:
    return set(re.findall(r"<text[^>]*>([^<]+)</text>", svg))


def test_charts_name_what_they_show_and_are_the_same_each_time(first: Measured, second: Measured) -> None:
    assert second.shift is not None
    top = [first.importance.features[i] for i in first.importance.order]
    drawn = importance_chart(first.importance, 5)
    assert set(top[:5]) <= _told(drawn)
    assert top[5] not in _told(drawn)
    assert set(first.dependence) <= _told(dependence_chart(first.dependence))
    assert {"deletion", "insertion", "in random order"} <= _told(faithfulness_chart(first.faithfulness))
    assert {"champion", "this model"} <= _told(shift_chart(second.shift, 5))
    assert drawn == importance_chart(first.importance, 5)


@pytest.mark.parametrize("middle", [None, 3.0])
def test_a_curve_with_little_data_is_drawn_without_it(middle: float | None) -> None:
    bins = (Bin("a", middle, Estimate(value=None, n=3)), Bin("missing", None, Estimate(value=1, low=0, high=2, n=30)))
    assert "feature" in _told(dependence_chart({"feature": bins}))


def test_curves_that_are_not_known_leave_their_frame() -> None:
    nothing, unknown = Estimate(value=None, n=60), np.full(4, np.nan)
    assert "deletion" in _told(faithfulness_chart(Faithfulness(*[unknown] * 4, nothing, nothing)))
