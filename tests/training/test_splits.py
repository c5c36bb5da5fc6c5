from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.core.contracts import Contract, HeldOut
from components.core.errors import FairleadError
from components.training.splits import CALIBRATION, TEST, TRAIN, chronological, place, shuffled, unlearned

START = date(2000, 1, 1)


def split(offsets, calibration=0.2, test=0.3):
    days = pl.Series([START + timedelta(days=d) for d in offsets])
    return days, chronological(days, calibration, test)


@given(st.lists(st.integers(0, 60), min_size=3, max_size=80), st.floats(0.05, 0.45), st.floats(0.05, 0.45))
def test_splits_follow_each_other_and_share_no_day(offsets, calibration, test):
    assume(len(set(offsets)) >= 3)
    days, names = split(offsets, calibration, test)
    by_name = {name: days.filter(names == name) for name in (TRAIN, CALIBRATION, TEST)}
    assert sum(map(len, by_name.values())) == len(days)
    assert all(len(part) for part in by_name.values())
    assert by_name[TRAIN].max() < by_name[CALIBRATION].min()
    assert by_name[CALIBRATION].max() < by_name[TEST].min()


def test_shares_are_met_where_every_day_has_one_row():
    _, names = split(range(100))
    assert [(names == n).sum() for n in (TRAIN, CALIBRATION, TEST)] == [50, 20, 30]


def test_order_of_the_rows_does_not_matter():
    days, names = split([5, 1, 4, 2, 3])
    again = chronological(days.sort(), 0.2, 0.3)
    assert dict(zip(days, names, strict=True)) == dict(zip(days.sort(), again, strict=True))


def test_too_few_days_are_refused():
    with pytest.raises(FairleadError, match="2 distinct event days among 4 mature rows"):
        split([0, 0, 1, 1])


@pytest.mark.parametrize(("calibration", "test"), [(0.5, 0.5), (0.0, 0.3), (0.3, 0.0), (0.6, 0.6)])
def test_shares_that_leave_a_split_empty_are_refused(calibration, test):
    with pytest.raises(FairleadError, match="each share must be above 0"):
        split(range(10), calibration, test)


@given(st.integers(50, 400), st.integers(0, 5))
def test_a_shuffled_row_keeps_its_split_whatever_other_rows_there_are(n: int, seed: int) -> None:
    many = pl.Series(range(n))
    whole = shuffled(place(many, seed), 0.2, 0.3)
    assert shuffled(place(many[: n // 2], seed), 0.2, 0.3).to_list() == whole[: n // 2].to_list()
    assert place(many, seed).to_list() != place(many, seed + 1).to_list()


def test_shuffled_shares_are_those_asked_for() -> None:
    split = shuffled(place(pl.Series(range(20_000)), 7), 0.15, 0.2)
    share = {name: (split == name).mean() for name in ("train", "calibration", "test")}
    assert share == pytest.approx({"train": 0.65, "calibration": 0.15, "test": 0.2}, abs=0.01)


def test_shuffled_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(FairleadError, match="to train on"):
        shuffled(pl.Series([0.1, 0.2]), 0.5, 0.5)


def test_rows_that_a_model_has_not_learned_from() -> None:
    by_time = Contract.model_construct(trained_until="2000-06-30", held_out=None)
    frame = pl.DataFrame({"row_id": [1, 2], "event_time": [date(2000, 6, 30), date(2000, 7, 1)]})
    assert unlearned(by_time, frame).to_list() == [False, True]
    ids = pl.DataFrame({"row_id": range(500), "event_time": [date(2000, 1, 1)] * 500})
    by_shuffle = Contract.model_construct(trained_until="2000-01-01", held_out=HeldOut(seed=7, share=0.3))
    split = shuffled(place(ids["row_id"], 7), 0.2, 0.3)
    assert unlearned(by_shuffle, ids).to_list() == (split == "test").to_list()
