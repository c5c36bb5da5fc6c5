import time

import numpy as np
import pytest

from components.core.contracts import Estimate
from components.training.bootstrap import estimate
from components.training.metrics import NAMES


def drawn(n, seed, power=1.0):
    """Probabilities and labels drawn from them; a power other than 1 spoils the calibration."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 12, n)
    return p, (rng.random(n) < p**power).astype(float)


@pytest.fixture
def training(sba):
    return sba.training.model_copy(update={"bootstrap_rounds": 200})


def test_every_value_lies_in_its_interval(training):
    found = estimate(*drawn(1000, 0), training, 0.1, "test/all")
    assert tuple(found) == NAMES
    for e in found.values():
        assert e.low <= e.value <= e.high
        assert e.low < e.high
        assert e.n == 1000


def test_intervals_hold_the_truth_about_as_often_as_they_say(training):
    """Area under the curve and Brier score of the distribution itself, from a million rows."""
    truth = estimate(*drawn(1_000_000, 99), training.model_copy(update={"bootstrap_rounds": 1}), 0.1, "truth")
    held = dict.fromkeys(("auc", "brier", "log_loss"), 0)
    for seed in range(60):
        found = estimate(*drawn(800, seed), training, 0.1, f"draw {seed}")
        for name in held:
            held[name] += found[name].low <= truth[name].value <= found[name].high
    assert all(0.85 <= n / 60 <= 1.0 for n in held.values()), held


def test_a_calibrated_model_is_not_shown_to_be_miscalibrated_and_a_spoilt_one_is(training):
    """Half of the calibration error of a calibrated model is noise of its bins; its interval has to say so."""
    assert estimate(*drawn(4000, 1), training, 0.1, "good")["calibration_error"].low < 0.005
    assert estimate(*drawn(4000, 1, power=1.5), training, 0.1, "spoilt")["calibration_error"].low > 0.02


def test_the_same_seed_gives_the_same_interval_whatever_else_is_estimated(training):
    rows = drawn(500, 3)
    first = estimate(*rows, training, 0.1, "test/all")
    estimate(*drawn(700, 4), training, 0.1, "test/year=2000")
    assert estimate(*rows, training, 0.1, "test/all") == first
    assert estimate(*rows, training.model_copy(update={"seed": 8}), 0.1, "test/all") != first
    assert estimate(*rows, training, 0.1, "backtest/all") != first


@pytest.mark.parametrize(
    ("p", "labels"),
    [
        pytest.param(np.full(49, 0.1), np.arange(49) % 2.0, id="fewer than 50 rows"),
        pytest.param(np.full(100, 0.1), np.zeros(100), id="all good"),
        pytest.param(np.full(100, 0.1), np.ones(100), id="all bad"),
        pytest.param(np.zeros(0), np.zeros(0), id="no rows"),
    ],
)
def test_too_little_data_has_no_value(p, labels, training):
    found = estimate(p, labels, training, 0.1, "test/few")
    assert found == dict.fromkeys(NAMES, Estimate(value=None, n=len(p)))


def test_rounds_without_a_bad_row_are_left_out(training):
    labels = np.zeros(60)
    labels[5] = 1
    found = estimate(np.linspace(0.01, 0.3, 60), labels, training, 0.1, "test/one bad")
    assert found["auc"].low is not None
    assert 0 <= found["auc"].low <= found["auc"].value <= found["auc"].high <= 1


def test_five_hundred_rounds_over_twelve_thousand_rows_take_seconds(sba):
    start = time.process_time()
    found = estimate(*drawn(12_000, 5), sba.training, 0.1, "test/all")
    assert sba.training.bootstrap_rounds == 500
    assert found["auc"].n == 12_000
    assert time.process_time() - start < 5


def test_weights_of_one_change_nothing(training):
    p, labels = drawn(400, 3)
    assert estimate(p, labels, training, 0.1, "x", np.ones(400)) == estimate(p, labels, training, 0.1, "x")


def test_weights_move_values_and_intervals_and_not_how_many_rows_there_are(training):
    p, labels = drawn(1000, 3)
    plain, weighted = (estimate(p, labels, training, 0.1, "x", w) for w in (None, 1 + labels))
    rate = np.average(labels, weights=1 + labels)
    assert weighted["flagged"].value == pytest.approx(np.average(p >= 0.1, weights=1 + labels))
    assert weighted["calibration_error"].value > plain["calibration_error"].value
    assert weighted["relative_calibration_error"].value == pytest.approx(weighted["calibration_error"].value / rate)
    for e in weighted.values():
        assert e.n == 1000
        assert e.low <= e.value <= e.high


def test_few_rows_say_nothing_however_much_each_stands_for(training):
    p, labels = drawn(49, 3)
    assert estimate(p, labels, training, 0.1, "x", np.full(49, 100.0))["auc"].value is None
