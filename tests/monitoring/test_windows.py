"""The newest window and its reference, cut out of scored rows."""

from datetime import date, timedelta

import polars as pl
import pytest

from components.monitoring.watched import Watched
from components.monitoring.windows import Windows, cut, why_nothing
from tests.monitoring.served import watched_by

NOW = date(2009, 12, 31)


def scored(watched: Watched, days: int) -> pl.DataFrame:
    """A row a day, up to now."""
    rows = watched.reference.drop("label", "weight")[:days]
    return rows.with_columns(event_time=pl.Series([NOW - timedelta(days=days - 1 - i) for i in range(days)]))


def windows(watched: Watched, days: int, **settings: object) -> Windows:
    case = watched_by(watched.use_case, **settings)
    return cut(Watched(**{**watched.__dict__, "use_case": case}), scored(watched, days), NOW)


@pytest.mark.parametrize("length", [1, 30, 365])
def test_a_window_has_so_many_days_with_both_ends(watched: Watched, length: int) -> None:
    found = windows(watched, 400, window_days=length)
    assert found.current.rows == len(found.rows) == length
    assert found.current.first == found.rows["event_time"].min()
    assert found.current.last == NOW


def test_the_window_before_and_the_window_share_no_day(watched: Watched) -> None:
    found = windows(watched, 400, window_days=90, drift={"reference": "rolling", "minimum_rows": 90})
    assert len(found.reference.rows) == 90
    assert found.reference.rows["event_time"].max() == found.current.first - timedelta(days=1)


def test_where_there_is_something_to_compare_nothing_is_explained(watched: Watched) -> None:
    found = windows(watched, 400)
    assert why_nothing(found, scored(watched, 400)) == {}


def test_why_there_is_no_window_names_what_the_log_has(watched: Watched) -> None:
    rows = scored(watched, 10)
    later = cut(watched, rows, NOW + timedelta(days=900))
    told = why_nothing(later, rows)["window"]
    assert f"the newest is of {NOW}" in told
    assert f"{later.current.first} to {later.current.last}" in told
    assert "none at all" in why_nothing(cut(watched, rows.clear(), NOW), rows.clear())["window"]


def test_why_there_is_no_reference_is_told_beside(watched: Watched) -> None:
    found = windows(watched, 30, window_days=30, drift={"reference": "seasonal"})
    assert "the seasonal reference" in why_nothing(found, scored(watched, 30))["reference"]
