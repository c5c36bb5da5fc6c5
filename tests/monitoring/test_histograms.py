from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.monitoring.histograms import MOST, TENTHS, histograms

numbers = st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=60)
words = st.lists(st.none() | st.sampled_from("abcdefghijkl"), min_size=1, max_size=60)
days = st.lists(st.none() | st.dates(date(1990, 1, 1), date(2020, 1, 1)), min_size=1, max_size=60)


def drawn(before, now, dtype=None):
    reference, current = (pl.DataFrame({"x": pl.Series(v, dtype=dtype)}) for v in (before, now))
    return histograms(reference, current, ["x"])["x"]


def whole(found):
    assert len(found["labels"]) == len(found["reference"]) == len(found["current"])
    for side in ("reference", "current"):
        assert all(share >= 0 for share in found[side])
        assert sum(found[side]) == pytest.approx(1, abs=1e-4)
    return found


@given(numbers, numbers)
def test_shares_of_numbers_add_up(before, now):
    assert len(whole(drawn(before, now, pl.Float64))["labels"]) <= TENTHS + 1


@given(words, words)
def test_shares_of_categories_add_up(before, now):
    assert len(whole(drawn(before, now, pl.String))["labels"]) <= MOST + 2


@given(days, days)
def test_shares_of_days_add_up(before, now):
    whole(drawn(before, now, pl.Date))


def test_tenths_of_the_reference_hold_a_tenth_each():
    found = drawn(list(range(1000)), [*range(500), *[5000] * 500])
    assert found["reference"] == pytest.approx([0.1] * TENTHS, abs=0.002)
    assert found["current"][-1] == 0.5
    assert found["labels"][-1] == "above 899"


def test_days_are_written_as_days():
    before = [date(2003, 1, 1) + timedelta(days=n) for n in range(100)]
    assert drawn(before, before)["labels"][0] == "up to 2003-01-10"


def test_a_few_values_have_a_bar_each():
    assert drawn([0.0, 0.0, 1.0, 1.0], [1.0])["current"] == [0.0, 1.0, 0.0]


def test_rare_categories_are_one_bar():
    before = [letter for n, letter in enumerate("abcdefghijkl") for _ in range(20 - n)]
    found = drawn(before, ["a", "z"])
    assert found["labels"] == [*"abcdefgz", "others"]
    assert found["current"][-1] == 0
    assert found["reference"][-1] == pytest.approx((13 + 12 + 11 + 10 + 9) / 174, abs=1e-6)


def test_missing_is_a_bar_of_its_own():
    found = drawn([1.0, None, 3.0, 2.0], [None, None])
    assert (found["labels"][-1], found["reference"][-1], found["current"][-1]) == ("missing", 0.25, 1.0)


def test_a_number_that_comes_as_text_is_read_where_it_can_be():
    reference, current = pl.DataFrame({"x": [1.0, 2.0]}), pl.DataFrame({"x": ["1", "two"]})
    assert histograms(reference, current, ["x"])["x"]["current"] == [0.5, 0.0, 0.5]


def test_what_one_side_lacks_is_passed_over():
    some = pl.DataFrame({"x": [1.0]})
    assert histograms(some, pl.DataFrame({"y": [1.0]}), ["x", "y"]) == {}
    assert histograms(some, some.clear(), ["x"]) == {}
