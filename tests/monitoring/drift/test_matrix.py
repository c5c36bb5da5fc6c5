from datetime import date

import numpy as np
import polars as pl
import pytest

from components.monitoring.drift.matrix import VALUES, matrices, standardised

RNG = np.random.default_rng(8)


def test_dates_answers_and_columns_that_do_not_compare_are_left_out() -> None:
    old = pl.DataFrame(
        {"x": [1, 2], "day": [date(2004, 1, 1)] * 2, "probability": [0.1, 0.2], "t": [1.0, 2.0], "o": [1, 1]}
    )
    new = pl.DataFrame({"x": [3.0, None], "day": [date(2005, 1, 1)] * 2, "probability": [0.1, 0.2], "t": ["1", "2"]})
    kinds = {"x": "int", "day": "date", "probability": "float", "t": "float", "o": "int"}
    before, now, names = matrices(old, new, kinds, seed=1)
    assert names == ("x",)
    assert before.tolist() == [[1], [2]]
    assert np.array_equal(now, [[3], [np.nan]], equal_nan=True)


def test_a_category_becomes_its_rank_whichever_side_it_is_of() -> None:
    old = pl.DataFrame({"c": ["a", "a", "b", None]})
    new = pl.DataFrame({"c": ["a", "b", "x"]}, schema={"c": pl.Categorical})
    before, now, _ = matrices(old, new, {"c": "category"}, seed=1)
    assert np.array_equal(before[:, 0], [0, 0, 1, np.nan], equal_nan=True)
    assert now[:, 0].tolist() == [0, 1, 2]
    swapped = matrices(new, old, {"c": "category"}, seed=1)
    assert np.array_equal(swapped[0], now)
    many = pl.DataFrame({"c": [str(i) for i in range(100)]})
    assert matrices(many, many, {"c": "category"}, seed=1)[0].max() == VALUES


def test_long_sides_are_sampled_and_the_same_seed_takes_the_same_rows() -> None:
    frame = pl.DataFrame({"x": RNG.normal(size=1000)})
    one, two, three = (matrices(frame, frame[:50], {"x": "float"}, seed, rows=100) for seed in (1, 1, 2))
    assert one[0].shape == (100, 1)
    assert one[1].shape == (50, 1)
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(one[0], three[0])


def test_no_column_at_all_is_an_empty_matrix() -> None:
    frame = pl.DataFrame({"day": [date(2004, 1, 1)] * 3})
    assert matrices(frame, frame, {"day": "date"}, seed=1)[0].shape == (3, 0)


def test_both_sides_are_brought_to_one_scale() -> None:
    reference = np.column_stack([RNG.normal(50, 9, 500), np.full(500, 3.0), np.full(500, np.nan), RNG.normal(size=500)])
    current = reference[:200] + np.array([9.0, 0.0, 0.0, 0.0])
    reference[0, 3], current[0, 3] = np.inf, np.nan
    before, now = standardised(reference, current)
    both = np.concatenate([before, now])
    assert both[:, 0].mean() == pytest.approx(0, abs=1e-9)
    assert both[:, 0].std() == pytest.approx(1)
    assert (both[:, 1:3] == 0).all()
    assert before[0, 3] == now[0, 3] == 0
    assert np.isfinite(both).all()
