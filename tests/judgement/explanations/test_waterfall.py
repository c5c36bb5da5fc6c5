import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.judgement.explanations.waterfall import draw, waterfall
from tests.judgement.explanations.made import explained

ROWS = explained([[0.1, -2.0, 0.5, 0.2]], values=[[1.0, np.nan, 3.0, 4.0]])


@given(st.integers(1, 6))
def test_the_parts_are_one_way_from_base_to_score(top: int) -> None:
    found = waterfall(ROWS, 0, "row", top)
    assert found.parts[0].start == found.base_value
    assert all(a.end == b.start for a, b in zip(found.parts, found.parts[1:], strict=False))
    assert found.parts[-1].end == pytest.approx(ROWS.log_odds[0])
    assert found.probability == ROWS.probability[0]


def test_the_largest_come_first_and_the_small_ones_together() -> None:
    found = waterfall(ROWS, 0, "row", 2)
    assert [(p.feature, p.value, round(p.contribution, 9)) for p in found.parts] == [
        ("b", None, -2.0),
        ("c", 3.0, 0.5),
        ("2 others", None, 0.3),
    ]


@pytest.mark.parametrize(("row", "top", "text"), [(1, 3, "row 1 was not explained; there are 1"), (0, 0, "found 0")])
def test_what_is_not_there_is_told(row: int, top: int, text: str) -> None:
    with pytest.raises(FairleadError, match=text):
        waterfall(ROWS, row, "row", top)


def test_the_drawing_names_what_it_shows_and_is_the_same_each_time() -> None:
    shown = waterfall(ROWS, 0, "row", 2)
    text = draw(shown)
    assert text == draw(shown)
    told = re.findall(r"<text[^>]*>([^<]+)</text>", text)
    assert {"b = missing", "c = 3", "2 others"} <= set(told)
    assert sum("0.50" in t for t in told) == 1
