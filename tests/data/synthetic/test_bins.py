from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.use_case import Column
from components.data.synthetic.bins import consistent, join, nearest, periods
from components.data.synthetic.cells import Cells, of_category, of_event, of_number

counts = st.lists(st.floats(-100, 1000), min_size=2, max_size=60).map(np.array)


@given(counts, st.floats(1, 1e5), st.floats(0, 50))
def test_made_consistent_counts_are_none_below_zero_and_add_up(found, total, deviation):
    for cells in (Cells(np.arange(len(found) + 1.0)), Cells(np.array([]), values=tuple(map(str, range(len(found)))))):
        made = consistent(cells, found, deviation, total)
        assert made.min() >= 0
        assert made.sum() == pytest.approx(total)


@given(counts)
def test_what_is_consistent_already_stays_as_it_is(found):
    found = np.abs(found) + 1
    assert nearest(found, float(found.sum())) == pytest.approx(found)


def test_noise_of_empty_cells_makes_no_rows():
    rng = np.random.default_rng(0)
    exact = np.zeros(400)
    exact[100:110] = 3_000
    made = consistent(Cells(np.arange(401.0)), exact + rng.normal(0, 40, 400), 40.0, 30_000)
    assert made[:99].sum() + made[112:].sum() < 300  # the noise above 0 of the empty cells adds up to some 6,000
    assert made[100:110] == pytest.approx(exact[100:110], rel=0.1)


def test_rows_that_the_noise_hides_are_put_near_to_nothing_and_not_at_the_ends_of_what_is_allowed():
    cells = of_number(Column(kind="float"))
    exact = np.bincount(cells.encode(np.random.default_rng(0).lognormal(12, 1, 20_000)), minlength=cells.size)
    noisy = exact + np.random.default_rng(1).normal(0, 60, cells.size)
    made = consistent(cells, noisy, 60.0, 20_000)
    assert made[cells.edges[:-1] >= 1e7].sum() == 0
    assert made[cells.edges[:-1] < 0].sum() == 0


@given(counts.map(np.abs), st.integers(2, 20))
def test_bins_are_neighbours_and_no_more_than_asked(mass, most):
    bins = join(Cells(np.arange(len(mass) + 1.0)), mass + 0.01, most)
    assert set(np.diff(bins)) <= {0, 1}
    assert bins[0] == 0
    assert bins[-1] < most


def test_a_heavy_cell_stays_alone_and_so_do_missing_values():
    cells = of_number(Column(kind="int", minimum=0, maximum=4, nullable=True))
    bins = join(cells, np.array([5.0, 5.0, 900.0, 5.0, 5.0, 80.0]), 3)
    assert bins.tolist() == [0, 0, 1, 2, 2, 3]


@given(st.lists(st.sampled_from([0.0, 0.0, 1.0, 30.0]), min_size=2, max_size=60), st.integers(2, 12))
def test_no_bin_is_of_empty_cells(mass, most):
    mass = np.array([*mass, 5.0])
    bins = join(Cells(np.arange(len(mass) + 1.0)), mass, most)
    assert np.bincount(bins, mass).min() > 0


def test_rare_values_of_a_category_share_a_bin():
    cells = of_category(Column(kind="category"), ("a", "b", "c", "d"))
    assert join(cells, np.array([1.0, 50.0, 2.0, 40.0]), 3).tolist() == [2, 0, 2, 1]


def test_empty_and_thin_years_are_joined():
    cells = of_event(date(1998, 1, 1), date(2004, 12, 31))
    noisy = np.where(np.arange(84) < 24, np.tile([9.0, -9.0], 42), 100.0)
    noisy[24:36] = 20.0
    of_cell, names, kept = periods(cells, noisy, 10.0, "year", 0.1)
    assert names == ("2000-2001", "2002", "2003", "2004")
    assert of_cell[0] == of_cell[47] == 0
    assert not kept[:24].any()
    assert np.array_equal(kept[24:], noisy[24:])


def test_quarters_are_named():
    cells = of_event(date(2003, 1, 1), date(2004, 12, 31))
    assert periods(cells, np.ones(24), 0.0, "quarter", 0.01)[1][:2] == ("2003Q1", "2003Q2")


def test_where_nothing_stands_out_there_is_one_period():
    assert periods(of_event(date(2003, 1, 1), date(2004, 12, 31)), np.zeros(24), 10.0, "year", 1.0)[1] == ("2003-2004",)
