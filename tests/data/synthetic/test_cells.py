from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.use_case import Column
from components.data.synthetic.cells import DELAYS, STEPS, Cells, of_category, of_delay, of_event, of_number

bounds = st.one_of(st.none(), st.integers(-(10**6), 10**6))


@given(st.sampled_from(["int", "float"]), bounds, bounds, st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_what_is_drawn_from_a_cell_lies_in_it_and_within_the_bounds(kind, low, high, places):
    if low is not None and high is not None and low > high:
        low, high = high, low
    column = Column(kind=kind, minimum=low, maximum=high)
    cells = of_number(column)
    codes = np.array(places) % cells.size
    drawn = cells.draw(codes, np.random.default_rng(0))
    # Rounding may reach the edge of a cell, which belongs to the next one.
    assert np.isin(cells.encode(drawn) - codes, [0] if kind == "int" else [0, 1]).all()
    assert low is None or drawn.min() >= low
    assert high is None or drawn.max() <= high
    assert kind == "float" or (drawn == np.floor(drawn)).all()


@given(st.floats(-1e8, 1e8), st.floats(-1e8, 1e8))
def test_a_larger_number_never_falls_into_an_earlier_cell(first, second):
    cells = of_number(Column(kind="float"))
    a, b = cells.encode(np.sort([first, second]))
    assert a <= b


def test_a_round_number_that_many_share_comes_out_as_it_went_in():
    cells = of_number(Column(kind="float", minimum=1))
    shared = np.array([50_000.0, 2_000.0, 150_000.0])
    assert cells.draw(cells.encode(shared), np.random.default_rng(0)).tolist() == shared.tolist()


def test_small_numbers_are_told_apart_whether_there_is_a_bound_or_not():
    for bounds in ({}, {"minimum": 0}, {"minimum": 0, "maximum": 1}):
        assert len(set(of_number(Column(kind="float", **bounds)).encode(np.array([0.011, 0.11, 0.9])))) == 3


def test_nothing_stays_nothing():
    cells = of_number(Column(kind="float", minimum=0, maximum=1e7))
    assert cells.draw(cells.encode(np.array([0.0])), np.random.default_rng(0)).tolist() == [0.0]


def test_few_whole_numbers_have_a_cell_each_and_many_do_not():
    assert of_number(Column(kind="int", minimum=-2, maximum=9)).filled == 12
    wide = of_number(Column(kind="int", minimum=0, maximum=10**6))
    assert STEPS < wide.filled < 600


def test_missing_values_have_a_code_of_their_own_where_there_may_be_some():
    cells = of_number(Column(kind="int", minimum=0, maximum=3, nullable=True))
    codes = cells.encode(np.array([np.nan, 0.0, 3.0]))
    assert codes.tolist() == [4, 0, 3]
    assert np.isnan(cells.draw(codes, np.random.default_rng(0))).tolist() == [True, False, False]


def test_a_value_out_of_the_domain_counts_as_the_last_one():
    asked = np.array(["a", "z", None], dtype=object)
    assert of_category(Column(kind="category", nullable=True), ("a", "other")).encode(asked).tolist() == [0, 1, 2]
    assert of_category(Column(kind="category"), ("a", "other")).encode(asked).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("first", "last", "cells"),
    [(date(2005, 1, 1), date(2005, 11, 1), 305), (date(2000, 1, 15), date(2009, 12, 31), 120)],
)
def test_days_have_cells_where_there_are_few_and_months_where_there_are_many(first, last, cells):
    assert of_event(first, last).filled == cells


def test_single_days_after_an_event_are_told_apart():
    cells = of_delay(nullable=False)
    near = np.arange(-30.0, 62.0)
    assert len(set(cells.encode(near))) == len(near)
    assert cells.encode(np.array([-1e6, 1e6])).tolist() == [0, cells.filled - 1]
    assert cells.edges[0] == DELAYS[0]


def test_equal_cells_hang_on_the_declaration_alone():
    column = Column(kind="float", minimum=0, maximum=10)
    assert np.array_equal(of_number(column).edges, of_number(column).edges)
    assert Cells(np.array([0.0, 1.0])).ordered
