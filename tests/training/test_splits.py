from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.training.splits import CALIBRATION, TEST, TRAIN, chronological

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
