"""What is asked of a table hangs on the use case alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.core.errors import FairleadError
from components.core.use_case import load
from components.data.private_questions import (
    Categories,
    Histogram,
    Mean,
    Quantile,
    Rate,
    Rows,
    candidates,
    parse_bounds,
    questions_of,
)


def test_the_questions_of_the_credit_card_clients() -> None:
    asked = questions_of(load("card_default"), {"limit": (0.0, 1e6)})
    assert asked[0] == Rows()
    assert Categories(column="sex", values=("1", "2")) in asked
    assert Rate(outcome="default", column="marriage", values=("0", "1", "2", "3")) in asked
    assert Mean(column="age", low=18, high=120) in asked
    assert Mean(column="limit", low=0, high=1e6) in asked
    assert [q.level for q in asked if isinstance(q, Quantile) and q.column == "bill_sep"] == [0.25, 0.5, 0.75]
    columns = {getattr(q, "column", None) for q in asked}
    assert columns.isdisjoint({"client", "default", "statement_day", "default_day"})
    # Bills between ten million dollars below and above nothing have no useful mean.
    assert not [q for q in asked if isinstance(q, Mean) and q.column.startswith("bill")]


def test_without_bounds_nothing_is_asked_of_a_number() -> None:
    asked = questions_of(load("card_default"), {})
    assert not [q for q in asked if getattr(q, "column", None) == "limit"]


def test_bounds_for_what_is_no_number_are_refused() -> None:
    with pytest.raises(FairleadError, match="unknown number to bound 'sex'; allowed: client, limit, age"):
        questions_of(load("card_default"), {"sex": (0.0, 1.0)})


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.booleans())
def test_candidates_rise_and_lie_within_the_bounds(low: float, width: float, whole: bool) -> None:
    high = low + width
    if low >= high or (whole and width < 2):
        return
    found = candidates(low, high, whole)
    assert list(found) == sorted(set(found))
    assert low <= found[0] < found[-1] <= high
    assert len(found) < 1500


def test_candidates_need_bounds_that_are_apart() -> None:
    with pytest.raises(FairleadError, match="bounds 3 and 3 hold no number between them"):
        candidates(3, 3, whole=False)


@pytest.mark.parametrize("text", ["limit", "limit=", "limit=1", "limit=1:2:3", "limit=a:b"])
def test_bounds_that_cannot_be_read(text: str) -> None:
    with pytest.raises(FairleadError, match="are not COLUMN=LOW:HIGH"):
        parse_bounds((text,))


@pytest.mark.parametrize("text", ["limit=2:1", "limit=nan:1", "limit=0:inf"])
def test_bounds_that_are_none(text: str) -> None:
    with pytest.raises(FairleadError, match="or not finite; give the lower one first"):
        parse_bounds((text,))


def test_questions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="do not rise"):
        Histogram(column="age", edges=(1.0, 1.0))
    with pytest.raises(ValidationError, match="is not below"):
        Mean(column="age", low=1.0, high=1.0)
    with pytest.raises(ValidationError, match="greater than 0"):
        Rows(weight=0)
