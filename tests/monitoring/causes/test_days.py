import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.monitoring.causes.days import day_of_month, find, swap

RNG = np.random.default_rng(1)
EVENTS = np.datetime64("2003-01-01") + RNG.integers(0, 365, 2000)
EVENTS_NOW = np.datetime64("2004-01-01") + RNG.integers(0, 90, 800)
BEFORE = EVENTS - RNG.integers(5, 60, 2000)
NOW = EVENTS_NOW - RNG.integers(5, 60, 800)
NONE = np.datetime64("NaT", "D")


def pick(share, seed=2):
    return np.random.default_rng(seed).random(800) < share


@given(st.lists(st.dates().map(np.datetime64), min_size=1))
def test_days_swapped_twice_are_themselves(days):
    array = np.array(days, dtype="datetime64[D]")
    assert np.array_equal(swap(swap(array)), array)
    early = day_of_month(array) <= 12
    assert np.array_equal(swap(array)[~early], array[~early])


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (swap(NOW), "day_and_month"),
        (np.where(day_of_month(NOW) > 12, NONE, swap(NOW)), "day_and_month"),
        (np.where(pick(0.05), np.datetime64("1900-01-01"), NOW), "sentinel"),
        (np.full(800, np.datetime64("2004-02-01")), "constant"),
        (np.full(800, NONE), "empty"),
        (NOW - 36_525, "shifted"),
        (NOW + 1_462, "shifted"),
    ],
)
def test_every_fault_has_its_name(now, name):
    found = find(BEFORE, now, EVENTS, EVENTS_NOW)
    assert found.name == name
    assert found.certain


def test_missing_days_that_were_filled_are_told_by_what_with():
    lost = np.random.default_rng(3).random(2000) < 0.2
    found = find(
        np.where(lost, NONE, BEFORE), np.where(pick(0.2), np.datetime64("1970-01-01"), NOW), EVENTS, EVENTS_NOW
    )
    assert found.name == "filled"
    assert "became 1970-01-01" in found.reason


@pytest.mark.parametrize("now", [NOW, NOW - 30, EVENTS_NOW - RNG.integers(5, 400, 800), np.where(pick(0.3), NONE, NOW)])
def test_time_that_passes_is_no_fault(now):
    assert find(BEFORE, now, EVENTS, EVENTS_NOW) is None


def test_a_handful_of_rows_shows_no_fault():
    assert find(BEFORE, swap(NOW)[:20], EVENTS, EVENTS_NOW[:20]) is None
