"""The paired bootstrap: its signs, its interval, and what it refuses."""

import numpy as np
import pytest

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.judgement.compare import Metric, compare
from components.training.metrics import weighted_metrics

METRICS: tuple[Metric, ...] = ("log_loss", "brier", "auc")


def world(n: int = 3000, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Labels drawn from known probabilities."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 8, n)
    return (rng.random(n) < p).astype(np.float64), p


@pytest.mark.parametrize("metric", METRICS)
def test_a_worse_candidate_is_worse_by_more_than_nothing(metric: Metric) -> None:
    labels, p = world()
    noisy = np.clip(p + np.random.default_rng(1).normal(0, 0.15, len(p)), 0.001, 0.999)
    result = compare(labels, noisy, p, metric, rounds=300, seed=7)
    assert result.worse_by.low is not None
    assert result.worse_by.low > 0
    swapped = compare(labels, p, noisy, metric, rounds=300, seed=7)
    assert swapped.worse_by.high is not None
    assert swapped.worse_by.high < 0
    assert swapped.worse_by.value == pytest.approx(-(result.worse_by.value or 0))


@pytest.mark.parametrize("metric", METRICS)
def test_a_model_against_itself_differs_by_exactly_nothing(metric: Metric) -> None:
    labels, p = world()
    result = compare(labels, p, p, metric, rounds=50, seed=7)
    assert (result.worse_by.value, result.worse_by.low, result.worse_by.high) == (0.0, 0.0, 0.0)
    assert result.worse_by.n == 3000


def test_pairing_makes_the_interval_narrower_than_the_metric_itself_would() -> None:
    labels, p = world()
    near = np.clip(p * 1.05, 0, 0.999)
    paired = compare(labels, near, p, "brier", rounds=400, seed=7).worse_by
    constant = compare(labels, p, np.zeros_like(p), "brier", rounds=400, seed=7).worse_by
    assert paired.low is not None
    assert paired.high is not None
    assert constant.low is not None
    assert constant.high is not None
    assert paired.high - paired.low < 0.2 * (constant.high - constant.low)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = 0
    for seed in range(60):
        labels, p = world(n=1500, seed=seed)
        truth = float(np.mean((p + 0.03 - p) ** 2))  # expected Brier difference of a constant shift
        found = compare(labels, np.clip(p + 0.03, 0, 1), p, "brier", rounds=200, seed=seed).worse_by
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert hits >= 51  # 95 % of 60 is 57; fewer than 51 has a probability below 1 in 200


def test_too_few_rows_or_one_outcome_is_no_data() -> None:
    labels, p = world(n=49)
    assert compare(labels, p, p, "log_loss", rounds=10, seed=7).worse_by.value is None
    one = compare(np.zeros(500), np.full(500, 0.1), np.full(500, 0.2), "log_loss", rounds=10, seed=7)
    assert one.worse_by.value is None
    assert one.candidate is None
    assert one.worse_by.n == 500


def test_refuses_what_it_cannot_compare() -> None:
    labels, p = world(n=100)
    with pytest.raises(FairleadError, match="100 labels, 99 probabilities of the candidate and 100"):
        compare(labels, p[1:], p, "auc", rounds=10, seed=7)
    broken = p.copy()
    broken[3] = np.nan
    with pytest.raises(FairleadError, match="champion gives nan for a probability"):
        compare(labels, p, broken, "auc", rounds=10, seed=7)
    with pytest.raises(FairleadError, match="labels 0 and 1 only"):
        compare(np.where(labels == 1, np.nan, labels), p, p, "auc", rounds=10, seed=7)


@pytest.mark.parametrize("metric", METRICS)
def test_measures_what_the_evaluation_measures(metric: Metric) -> None:
    labels, p = world()
    found = compare(labels, p, p**1.2, metric, rounds=5, seed=7)
    every = weighted_metrics(p, labels, np.ones((1, len(p))), 0.5, 1, 1)
    assert found.candidate == every[metric][0]


def test_equal_seeds_give_equal_intervals() -> None:
    labels, p = world()
    first, second = (compare(labels, p**1.1, p, "log_loss", rounds=50, seed=3) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("metric", METRICS)
def test_weights_of_one_change_nothing(metric: Metric) -> None:
    labels, p = world(500)
    assert compare(labels, p**1.2, p, metric, 50, 7, np.ones(500)) == compare(labels, p**1.2, p, metric, 50, 7)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_count_by_their_weight(metric: Metric) -> None:
    labels, p = world()
    weights = 1 + 3 * labels
    found = compare(labels, p**1.2, p, metric, 300, 7, weights)
    twice = weights.astype(int)
    repeated = compare(np.repeat(labels, twice), np.repeat(p**1.2, twice), np.repeat(p, twice), metric, 5, 7)
    assert found.worse_by.value == pytest.approx(repeated.worse_by.value)
    assert found.candidate == pytest.approx(repeated.candidate)
    assert found.worse_by.n == 3000
    assert found.worse_by.low is not None
    assert found.worse_by.high is not None
    assert found.worse_by.low <= (found.worse_by.value or 0) <= found.worse_by.high
