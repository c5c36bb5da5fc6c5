import numpy as np
import pytest

from components.core.errors import FairleadError


def test_drawn_bins_are_as_frequent_as_the_tables_say(plain):
    rng = np.random.default_rng(0)
    drawn = plain.draw(plain.draw_periods(40_000, rng), rng)
    for name, mass in plain.mass.items():
        bins = plain.bins[name]
        wanted = np.bincount(bins, mass) / mass.sum()
        found = np.bincount(bins[drawn[name]], minlength=len(wanted)) / 40_000
        assert found == pytest.approx(wanted, abs=0.02), name


def test_the_event_lies_in_the_period_that_was_asked_for(plain):
    rng = np.random.default_rng(0)
    asked = np.repeat([0, 3], 50)
    assert plain.bins["day"][plain.draw(asked, rng)["day"]].tolist() == asked.tolist()


def test_equal_seeds_draw_equal_rows(plain):
    first, second = (plain.draw(np.zeros(100, dtype=np.int64), np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_periods_are_found_by_name(plain):
    assert plain.periods == ("2003", "2004", "2005", "2006")
    assert plain.period("2005") == 2


@pytest.mark.parametrize("name", ["1999", "2003Q1", "", "20"])
def test_an_unknown_period_names_those_there_are(plain, name):
    with pytest.raises(FairleadError, match=r"allowed: 2003, 2004, 2005, 2006"):
        plain.period(name)
