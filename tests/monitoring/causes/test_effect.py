from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.monitoring.causes.effect import explained, put_back
from tests.monitoring.causes.staged import KINDS, score, stage

RNG = np.random.default_rng


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(1, 60))
def test_numbers_get_the_references_values_in_their_own_order(values, n):
    now = np.array([np.nan if v is None else v for v in values])
    back = put_back(now, np.arange(n, dtype=float), "float", RNG(1))
    assert not np.isnan(back).any()
    known = ~np.isnan(now)
    order = np.argsort(now[known], kind="stable")
    distinct = np.diff(now[known][order]) > 0
    assert (np.diff(back[known][order])[distinct] >= 0).all()
    if len(now) == n:
        assert sorted(back) == list(range(n))


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=50))
def test_names_change_no_more_than_they_have_to(values):
    now = np.array(values, dtype=object)
    assert put_back(now, now, "category", RNG(1)).tolist() == values
    reference = np.array((["a", "b"] * len(now))[: len(now)], dtype=object)
    back = put_back(now, reference, "category", RNG(1)).tolist()
    counts = [(values.count(v), reference.tolist().count(v)) for v in ("a", "b", "c", None)]
    assert [back.count(v) for v in ("a", "b", "c", None)] == [then for _, then in counts]
    assert sum(a != b for a, b in zip(values, back, strict=True)) == sum(max(0, now_ - then) for now_, then in counts)


def test_missing_values_come_back_as_often_as_they_were():
    now = np.array([np.nan] * 40 + [5.0] * 60)
    back = put_back(now, np.array([np.nan] * 10 + [1.0] * 90), "float", RNG(1))
    assert np.isnan(back).sum() == 10
    assert np.isnan(put_back(now, np.full(5, np.nan), "float", RNG(1))).all()


def test_what_moved_the_score_explains_it_and_nothing_else_does():
    s = stage()
    moved = s.now(pl.lit("2").alias("NewExist"))
    movement, found = explained(s.reference, moved.current, KINDS, ["NewExist", "NAICS", "ZipLast"], score)
    assert movement > 0
    assert found["NewExist"] == pytest.approx(movement, rel=0.3)
    assert found["NAICS"] == found["ZipLast"] == 0


def test_a_column_that_is_gone_is_scored_as_missing():
    s = stage()
    movement, found = explained(s.reference, s.current.drop("GrAppv"), KINDS, ["GrAppv"], score)
    assert found["GrAppv"] == pytest.approx(movement, rel=0.3)


def test_where_the_score_stood_still_there_is_nothing_to_explain():
    s = stage()
    assert explained(s.reference, s.current, KINDS, ["NewExist"], score) is None


def test_days_are_put_back_by_their_age():
    day = date(2004, 3, 1)
    before = pl.DataFrame({"event_time": [day] * 200, "d": [date(2004, 2, 20)] * 200})
    now = pl.DataFrame({"event_time": [date(2005, 3, 1)] * 200, "d": [date(2003, 1, 1)] * 200})
    seen = []

    def recently(columns):
        seen.append(columns["d"])
        return (columns["d"] > np.datetime64("2005-01-01")).astype(float) + 0.5 * (
            columns["d"] == np.datetime64(day) - 10
        )

    movement, found = explained(before, now, {"d": "date"}, ["d"], recently)
    assert set(seen[-1]) == {np.datetime64("2005-02-19")}
    assert movement == -0.5
    assert found["d"] == -1.0
