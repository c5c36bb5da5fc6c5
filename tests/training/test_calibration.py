import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from components.core.errors import FairleadError
from components.training.calibration import Calibration, fit


def drawn(slope, intercept, n=20_000, seed=0):
    """Scores, and labels whose true log odds are slope times the scores' plus intercept."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 1.5, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-(slope * z + intercept)))).astype(float)
    return 1 / (1 + np.exp(-z)), labels


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -1.0), (2.0, 1.0)])
def test_fit_finds_the_distortion_and_agrees_with_scikit_learn(slope, intercept):
    p, labels = drawn(slope, intercept)
    found = fit(p, labels)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], labels)
    assert found.slope == pytest.approx(slope, abs=0.1)
    # Platt's targets are drawn in by about 1 / rows of the class: hence no exact agreement.
    assert found.slope == pytest.approx(float(reference.coef_[0, 0]), abs=0.005)
    assert found.intercept == pytest.approx(float(reference.intercept_[0]), abs=0.005)


def test_calibrated_probabilities_have_the_rate_of_the_rows():
    p, labels = drawn(0.5, -1.0)
    calibrated = fit(p, labels).apply(p)
    assert calibrated.mean() == pytest.approx(labels.mean(), abs=1e-3)
    assert abs(p.mean() - labels.mean()) > 0.02


def test_separated_classes_stay_finite():
    found = fit(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50))
    # Platt's targets for 50 rows of each class.
    assert found.apply(np.array([0.0, 1.0])) == pytest.approx([1 / 52, 51 / 52], abs=1e-4)


def test_a_backward_ranking_is_flattened_not_turned():
    found = fit(np.repeat([0.9, 0.1], [50, 50]), np.repeat([0.0, 1.0], 50))
    assert found.slope == 0.0
    assert found.apply(np.array([0.1, 0.9])) == pytest.approx([0.5, 0.5])


def test_equal_scores_give_the_overall_rate():
    labels = np.repeat([0.0, 1.0], [900, 100])
    assert fit(np.full(1000, 0.3), labels).apply(np.array([0.3])) == pytest.approx([0.1], abs=2e-3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_is_refused(value):
    with pytest.raises(FairleadError, match="one class only"):
        fit(np.array([0.1, 0.2]), np.full(2, value))


@given(
    st.floats(0, 20),
    st.floats(-20, 20),
    st.lists(st.floats(0, 1), min_size=2, max_size=20),
)
def test_apply_keeps_order_and_bounds(slope, intercept, scores):
    p = np.sort(np.array(scores))
    calibrated = Calibration(slope=slope, intercept=intercept).apply(p)
    assert calibrated.dtype == np.float64
    assert np.all((calibrated >= 0) & (calibrated <= 1))
    assert np.all(np.diff(calibrated) >= 0)


def test_single_precision_scores_are_computed_in_double():
    p = np.array([0.1234567], dtype=np.float32)
    calibration = Calibration(slope=0.7, intercept=-0.3)
    assert calibration.apply(p)[0] == calibration.apply(p.astype(np.float64))[0]


def test_what_is_written_is_read_again(tmp_path):
    written = Calibration(slope=1 / 3, intercept=-2 / 7)
    written.write(tmp_path / "calibration.json")
    assert Calibration.read(tmp_path / "calibration.json") == written


def test_weights_of_one_change_nothing():
    p, labels = drawn(0.5, -1.0, n=500)
    assert fit(p, labels, np.ones(500)) == fit(p, labels)


def test_a_row_of_weight_two_is_two_rows():
    p, labels = drawn(1.3, -0.4, n=800)
    weights = np.random.default_rng(3).integers(0, 4, 800)
    weighted, repeated = fit(p, labels, weights.astype(float)), fit(np.repeat(p, weights), np.repeat(labels, weights))
    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-6)
    assert weighted.intercept == pytest.approx(repeated.intercept, rel=1e-6)


def test_a_backward_ranking_is_flattened_to_the_weighted_rate():
    p, labels = np.repeat([0.9, 0.1], [50, 50]), np.repeat([0.0, 1.0], 50)
    found = fit(p, labels, np.where(labels == 1, 1.0, 9.0))
    assert found.slope == 0.0
    assert found.apply(np.array([0.5])) == pytest.approx([0.1], abs=0.02)
