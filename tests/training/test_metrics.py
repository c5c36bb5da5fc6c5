import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from components.training.metrics import BINNED, NAMES, weighted_metrics

COSTS = (0.4, 10.0, 1.0)


def one(p, labels, weights=None):
    given_weights = np.ones(len(p)) if weights is None else weights
    found = weighted_metrics(np.asarray(p, float), np.asarray(labels, float), given_weights[None, :], *COSTS)
    return {name: float(values[0]) for name, values in found.items()}


@st.composite
def rows(draw):
    """Scores with many ties, labels of both classes, and small whole weights that leave both."""
    n = draw(st.integers(4, 60))
    p = draw(st.lists(st.sampled_from([0.01, 0.05, 0.2, 0.4, 0.41, 0.9, 0.99]), min_size=n, max_size=n))
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    weights = [1, 1, *draw(st.lists(st.integers(0, 3), min_size=n - 2, max_size=n - 2))]
    return np.array(p), np.array(labels, float), np.array(weights, float)


@given(rows())
def test_each_metric_is_scikit_learns(case):
    p, labels, w = case
    found = one(p, labels, w)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, p, sample_weight=w))
    assert found["average_precision"] == pytest.approx(average_precision_score(labels, p, sample_weight=w))
    assert found["log_loss"] == pytest.approx(log_loss(labels, p, sample_weight=w))
    assert found["brier"] == pytest.approx(brier_score_loss(labels, p, sample_weight=w))


@given(rows())
def test_a_weight_of_two_is_a_row_twice(case):
    p, labels, w = case
    times = w.astype(int)
    # The calibration bins are those of the unweighted rows, so that these differ by design.
    weighted, repeated = one(p, labels, w), one(np.repeat(p, times), np.repeat(labels, times))
    for name in set(NAMES) - set(BINNED):
        assert weighted[name] == pytest.approx(repeated[name]), name


def test_many_rounds_at_once_are_the_rounds_one_by_one():
    rng = np.random.default_rng(0)
    p, labels, w = rng.random(200), rng.integers(0, 2, 200).astype(float), rng.integers(0, 4, (7, 200)).astype(float)
    together = weighted_metrics(p, labels, w, *COSTS)
    for i in range(7):
        assert {n: v[i] for n, v in together.items()} == pytest.approx(one(p, labels, w[i]))


def test_calibration_error_is_that_of_the_curve():
    rng = np.random.default_rng(1)
    p = rng.random(1000)
    labels = (rng.random(1000) < p**2).astype(float)
    share, mean = calibration_curve(labels, p, n_bins=10, strategy="quantile")
    assert one(p, labels)["calibration_error"] == pytest.approx(np.abs(share - mean).mean(), abs=2e-3)


def test_calibration_error_of_one_probability_is_its_distance_from_the_rate():
    assert one(np.full(100, 0.3), np.repeat([0, 1], [90, 10]))["calibration_error"] == pytest.approx(0.2)


def test_lift_counts_the_riskiest_tenth():
    labels = np.zeros(100)
    labels[[0, 1, 2, 50]] = 1
    assert one(np.linspace(0.9, 0.1, 100), labels)["lift_10"] == pytest.approx(3 / 10 / (4 / 100))


def test_lift_shares_out_a_tie_at_the_edge():
    labels = np.zeros(100)
    labels[:10] = 1
    assert one(np.full(100, 0.2), labels)["lift_10"] == pytest.approx(1.0)


def test_lift_of_a_perfect_order():
    assert one(np.linspace(0.9, 0.1, 100), (np.arange(100) < 10).astype(float))["lift_10"] == pytest.approx(10)


def test_cost_and_flagged_follow_the_threshold():
    found = one([0.4, 0.39, 0.8, 0.1], [0, 1, 1, 0])
    assert found["flagged"] == 0.5
    assert found["cost"] == (1 + 10) / 4


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_ranking_metrics_of_one_class_are_not_numbers(value):
    found = one([0.1, 0.5, 0.7], np.full(3, value))
    assert all(np.isnan(found[name]) for name in ("auc", "average_precision", "lift_10"))
    assert np.isfinite(found["brier"])


def test_the_relative_calibration_error_is_the_error_as_a_share_of_the_bad_rate():
    found = one(np.full(100, 0.3), np.repeat([0, 1], [90, 10]))
    assert found["relative_calibration_error"] == pytest.approx(0.2 / 0.1)


@given(rows())
def test_the_relative_calibration_error_weighs_rows_as_the_error_does(case):
    p, labels, w = case
    found = one(p, labels, w)
    rate = np.average(labels, weights=w)
    assert found["relative_calibration_error"] * rate == pytest.approx(found["calibration_error"])


def test_without_a_bad_row_there_is_nothing_to_be_relative_to():
    assert np.isnan(one([0.1, 0.5, 0.7], np.zeros(3))["relative_calibration_error"])


@given(rows(), st.floats(0.1, 30))
def test_the_unit_of_weights_says_nothing(case, unit):
    p, labels, w = case
    assert one(p, labels, unit * w) == pytest.approx(one(p, labels, w))
