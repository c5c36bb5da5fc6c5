import numpy as np
import pytest
from scipy.stats import kstest, norm

from components.core.errors import FairleadError
from components.data.synthetic.measuring import Exact, Private


def test_the_noise_is_as_wide_as_the_budget_says():
    measurer = Private(1.0, 1e-6)
    noisy, deviation = measurer.counts(np.zeros(4_000), 0.5, "a")
    assert deviation == pytest.approx(1 / np.sqrt(2 * 0.5 * measurer.rho), rel=1e-6)
    assert kstest(noisy + np.random.default_rng(0).uniform(-0.5, 0.5, 4_000), norm(0, deviation).cdf).pvalue > 1e-4


def test_no_two_releases_are_alike():
    released = [Private(1.0, 1e-6).counts(np.zeros(20), 0.1, "a")[0].tolist() for _ in range(2)]
    assert released[0] != released[1]


def test_the_account_adds_up_to_what_was_given():
    measurer = Private(3.0, 1e-6)
    measurer.counts(np.zeros(3), 0.6, "counts")
    measurer.largest([1.0, 2.0], 0.25, "choice")
    measurer.largest([1.0, 2.0], 0.15, "choice")
    told = measurer.guarantee()
    assert [(s.name, s.rho / measurer.rho) for s in told.steps] == [
        ("counts", pytest.approx(0.6)),
        ("choice", pytest.approx(0.4)),
    ]
    assert told.epsilon == pytest.approx(3.0, rel=1e-3)
    assert told.epsilon <= 3.0
    assert told.delta == 1e-6


def test_more_than_was_given_is_not_released():
    measurer = Private(1.0, 1e-6)
    measurer.counts(np.zeros(3), 0.7, "counts")
    with pytest.raises(FairleadError, match="'more' would spend rho"):
        measurer.counts(np.zeros(3), 0.4, "more")
    with pytest.raises(FairleadError, match="'choice' would spend rho"):
        measurer.largest([1.0], 0.4, "choice")


def test_the_largest_by_far_is_chosen_and_near_ones_by_chance():
    measurer = Private(1.0, 1e-6)
    assert {measurer.largest([0.0, 10_000.0, 0.0], 0.02, "a") for _ in range(10)} == {1}
    assert {measurer.largest([1.0, 0.0], 0.02, "a") for _ in range(30)} == {0, 1}


def test_the_chance_of_a_choice_is_that_of_the_exponential_mechanism():
    # Of two scores that lie d apart, Gumbel noise of scale s takes the larger with chance 1 / (1 + exp(-d / s)).
    measurer = Private(1.0, 1e-6, seed=3)
    scale = 1 / np.sqrt(2 * measurer.rho * 1e-4)
    hits = [measurer.largest([scale, 0.0], 1e-4, "a") == 0 for _ in range(4_000)]
    assert np.mean(hits) == pytest.approx(1 / (1 + np.exp(-1)), abs=0.03)


def test_a_value_that_one_row_alone_has_is_not_released():
    found = Private(1.0, 1e-5, open_columns=1).keys({"many": 5_000, "one": 1, "three": 3}, 0.1, "keys")
    assert found == ["many"]


def test_values_of_open_categories_cost_half_of_delta():
    measurer = Private(1.0, 1e-5, open_columns=2)
    measurer.keys({"many": 5_000}, 0.05, "keys")
    measurer.keys({}, 0.05, "keys")
    told = measurer.guarantee()
    assert 0 < told.delta_of_keys <= 0.5e-5
    assert told.epsilon < 1.0


def test_a_seed_draws_the_same_noise_again_and_voids_the_promise():
    first, second = (Private(1.0, 1e-6, seed=5) for _ in range(2))
    assert np.array_equal(first.counts(np.zeros(9), 0.1, "a")[0], second.counts(np.zeros(9), 0.1, "a")[0])
    assert first.guarantee().seeded


def test_without_noise_there_is_no_promise():
    exact = Exact()
    assert exact.counts(np.array([3.0, 0.0]), 0.5, "a")[0].tolist() == [3.0, 0.0]
    assert exact.largest([1.0, 5.0, 2.0], 0.5, "a") == 1
    assert exact.keys({"b": 2, "a": 2, "c": 9}, 0.5, "a") == ["c", "a", "b"]
    assert exact.guarantee().kind == "plain"
