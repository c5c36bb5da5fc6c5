import numpy as np
import pytest

from components.judgement.explanations import resampling


def test_each_round_holds_as_many_rows() -> None:
    portions = list(resampling.draws(1000, 2500, 7))
    assert [len(p) for p in portions] == [2000, 500]
    assert all((p.sum(axis=1) == 1000).all() for p in portions)


def test_means_of_rounds_spread_by_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(5, 2, size=(400, 1))
    rounds = resampling.means(values, np.ones(400), 2000, 7)
    assert rounds.mean() == pytest.approx(values.mean(), abs=0.02)
    assert rounds.std() == pytest.approx(values.std() / 20, rel=0.1)


def test_a_row_counts_by_its_weight() -> None:
    values, weights = np.array([[0.0]] * 30 + [[1.0]] * 30), np.repeat([1.0, 3.0], 30)
    assert resampling.mean(values, weights) == pytest.approx([0.75])
    assert resampling.means(values, weights, 500, 7).mean() == pytest.approx(0.75, abs=0.01)


def test_what_cannot_be_said_is_no_data() -> None:
    assert resampling.estimate(float("nan"), np.ones(5), 60).value is None
    assert resampling.estimate(1.0, np.full(5, np.nan), 60).value is None


def test_the_interval_holds_the_value() -> None:
    found = resampling.estimate(1.0, np.linspace(0.8, 0.9, 50), 60)
    assert (found.low, found.high) == (pytest.approx(0.8025), 1.0)


def test_equal_seeds_give_equal_rounds() -> None:
    values = np.random.default_rng(1).normal(size=(70, 3))
    first, again, other = (resampling.means(values, np.ones(70), 20, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
