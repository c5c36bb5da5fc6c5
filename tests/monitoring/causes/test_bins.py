from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.monitoring.causes.bins import cut, cut_all, numbers

DAY = date(2004, 1, 1)
columns = {
    "float": st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=40),
    "category": st.lists(st.none() | st.sampled_from("abcdefghijklmnopqrstuvw"), min_size=1, max_size=40),
    "date": st.lists(st.none() | st.dates(date(1990, 1, 1), date(2004, 1, 1)), min_size=1, max_size=40),
}
types = {"float": pl.Float64, "category": pl.String, "date": pl.Date}


def frame(values, kind):
    return pl.DataFrame({"x": pl.Series(values, dtype=types[kind])}).with_columns(event_time=pl.lit(DAY))


@pytest.mark.parametrize("kind", columns)
@given(data=st.data())
def test_every_row_is_in_one_bin_and_missing_ones_in_the_last(kind, data):
    before, now = data.draw(columns[kind]), data.draw(columns[kind])
    bins = cut(frame(before, kind), frame(now, kind), "x", kind)
    assert len(set(bins.conditions)) == len(bins.conditions) or kind != "category"
    for codes, values in ((bins.reference, before), (bins.current, now)):
        assert codes.min() >= 0
        assert [c == len(bins.conditions) - 1 for c in codes] == [v is None for v in values]
    assert [side.sum() for side in bins.shares()] == pytest.approx([1, 1])


@given(columns["float"], st.floats(0.1, 10))
def test_order_is_kept(values, factor):
    bins = cut(frame(values, "float"), frame([v and v * factor for v in values], "float"), "x", "float")
    known = [(v, c) for v, c in zip(values, bins.reference, strict=True) if v is not None]
    assert [c for _, c in sorted(known)] == sorted(c for _, c in known)


def test_what_bins_hold_is_told():
    few = cut(frame([1, 2, 2], "float"), frame([3], "float"), "x", "float")
    assert few.conditions == ("x=1", "x=2", "x=3", "x missing")
    many = cut(frame(list(range(1000, 1100)), "float"), frame([5], "float"), "x", "float", bins=2)
    assert many.conditions == ("x <= 1,049", "x > 1,049", "x missing")
    days = cut(frame([date(2003, 12, d) for d in range(1, 31)], "date"), frame([DAY], "date"), "x", "date", bins=2)
    assert days.conditions[0] == "x <= 16 days back"
    names = cut(frame(list("aabbbc"), "category"), frame(["d"], "category"), "x", "category", categories=2)
    assert names.conditions == ("x=b", "x=d", "x=others", "x missing")


def test_a_column_that_is_gone_is_missing_throughout():
    bins = cut(frame([1.0, 2.0], "float"), frame([1.0], "float").drop("x"), "x", "float")
    assert bins.current.tolist() == [len(bins.conditions) - 1]
    assert np.array_equal(bins.grown(), [False, False, True])
    assert cut_all(frame([1.0], "float"), frame([1.0], "float"), {"x": "float", "nowhere": "float"})[0].name == "x"


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["2003-12-30", "30.12.2003", None], [2, None, None]),
        ([20031230, 1, None], [None, None, None]),
        ([None, None, None], [None, None, None]),
    ],
)
def test_days_that_came_in_another_type_are_read_where_they_can_be(values, read):
    found = numbers(pl.DataFrame({"x": values}).with_columns(event_time=pl.lit(DAY)), "x", "date")
    assert [None if np.isnan(v) else v for v in found] == read


def test_what_is_infinite_is_missing():
    assert np.isnan(numbers(pl.DataFrame({"x": [1.0, float("inf")]}), "x", "float")).tolist() == [False, True]
