import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.features.catalogue import catalogue
from components.features.rows import request_fields
from components.features.transform import fit, select
from components.training.bundle import background_rows
from components.training.dataset import read
from components.training.marks import Space, agreeing, find_marks, lifts, requests, within
from tests.training.clients import KEY, marked_case, write_clients

CASE = marked_case()


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    rows = read(write_clients(tmp_path_factory.mktemp("clients"), every=10), CASE, "train")
    names = CASE.features.names
    transform = fit(select(names, catalogue(CASE.name)), rows.columns, rows.labels)
    free = tuple(name for name in names if name not in CASE.training.increasing)
    return Space(CASE.name, background_rows(rows.columns, 7), request_fields(CASE), transform, free)


@pytest.fixture(scope="module")
def marks(space):
    return find_marks(KEY, space, 40)


def test_each_row_gets_below_into_and_above_its_band(space, marks):
    matrix = space.transform.apply(requests(marks, space.background))
    inside, start = within(marks, matrix), 0
    for i, mark in enumerate(marks):
        three = matrix[start : start + mark.values.size, mark.feature].reshape(3, -1)
        assert (three[0] < np.float32(mark.low)).all()
        assert inside[start : start + mark.values.size, i].reshape(3, -1).tolist() == [
            [0.0] * three.shape[1],
            [1.0] * three.shape[1],
            [0.0] * three.shape[1],
        ]
        assert (three[2] >= np.float32(mark.high)).all()
        start += mark.values.size
    assert start == len(matrix)


def test_requests_are_rows_that_came_with_one_number_another_row_came_with(space, marks):
    rows = requests(marks, space.background)
    start = 0
    for mark in marks:
        part = slice(start, start := start + mark.values.size)
        changed = [
            name
            for name, values in rows.items()
            if not np.array_equal(values[part], np.tile(space.background[name][mark.rows], 3))
        ]
        assert changed == [mark.column]
        assert set(rows[mark.column][part]) <= set(space.background[mark.column])


def test_no_band_lies_on_a_feature_that_must_rise_and_none_touch(space, marks):
    names = space.transform.names
    assert not {names[mark.feature] for mark in marks} & set(CASE.training.increasing)
    for a, b in pairwise(marks):
        assert a.feature < b.feature or a.high < b.low


def test_places_do_not_hang_on_the_coins(space, marks):
    """The null is exact as long as the coins are tossed apart: between places and coins there is no correlation."""
    coins = np.array([mark.coin for mark in marks])
    assert np.array_equal(coins, KEY.coins(f"{CASE.name}: coins", 40))
    again = find_marks(KEY, space, 40)
    assert all(
        dataclasses.replace(a, rows=0, values=0) == dataclasses.replace(b, rows=0, values=0)
        and np.array_equal(a.rows, b.rows)
        and np.array_equal(a.values, b.values)
        for a, b in zip(marks, again, strict=True)
    )


def test_a_lift_is_what_is_within_less_half_of_what_is_beside(marks):
    matrix = np.concatenate([np.repeat([[0.1], [0.4], [0.3]], len(mark.rows), axis=1).ravel() for mark in marks])
    assert lifts(marks, matrix) == pytest.approx(np.full(len(marks), 0.2))


def test_rows_that_break_a_rule_are_passed_over(marks):
    scores = np.concatenate([np.array([[0.0], [1.0], [0.0]]).repeat(len(m.rows), axis=1).ravel() for m in marks])
    valid = np.ones(len(scores), dtype=bool)
    valid[0] = False
    scores[0] = 1_000.0
    assert lifts(marks, scores, valid) == pytest.approx(np.ones(len(marks)))
    assert lifts(marks, scores, np.zeros(len(scores), dtype=bool)) == pytest.approx(np.zeros(len(marks)))


def test_no_lift_is_decided_by_a_coin_of_its_own(marks):
    agreed = agreeing(marks, np.zeros(len(marks)))
    assert agreed.tolist() == [mark.tie == mark.coin for mark in marks]
    assert 10 < agreed.sum() < 30


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1).filter(lambda v: abs(v) > 1e-6), min_size=40, max_size=40))
def test_a_lift_turned_round_agrees_where_it_did_not(marks, lift):
    lift = np.array(lift)
    assert (agreeing(marks, lift) ^ agreeing(marks, -lift)).all()


def test_too_many_marks_are_refused_with_what_there_is_room_for(space):
    with pytest.raises(FairleadError, match=r"triggers is 500.* room for \d+ marks; set it to \d+ or fewer"):
        find_marks(KEY, space, 500)
