import numpy as np
import pytest

from components.judgement.explanations.faithfulness import faithfulness

WEIGHTS = np.array([3.0, -2.0, 1.0, 0.5, 0.0])


def score(matrix: np.ndarray) -> np.ndarray:
    return matrix.astype(np.float64) @ WEIGHTS


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(150, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def background() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(10, 5)).astype(np.float32)


def _found(rows: np.ndarray, phi: np.ndarray, background: np.ndarray):
    return faithfulness(score, rows, phi, background, np.ones(len(rows)), 100, 7)


def _exact(rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    return WEIGHTS * (rows - background.mean(axis=0))


def test_the_curves_of_a_sum_are_its_partial_sums(rows: np.ndarray, background: np.ndarray) -> None:
    phi = _exact(rows, background)
    found = _found(rows, phi, background)
    side = np.sign(phi.sum(axis=1))
    ordered = -np.sort(-side[:, None] * phi, axis=1)
    way = (side * phi.sum(axis=1)).mean()
    expected = np.concatenate([[0.0], np.cumsum(ordered, axis=1).mean(axis=0)]) / way
    # In a sum it makes no difference whether a feature is taken out or put in.
    assert found.insertion == pytest.approx(expected, abs=1e-5)
    assert found.deletion == pytest.approx(expected, abs=1e-5)
    assert found.random_deletion == pytest.approx(np.linspace(0, 1, 6), abs=0.1)
    assert found.deletion_gain.value == pytest.approx((found.deletion - found.random_deletion).mean(), abs=1e-6)


def test_no_order_is_better_than_that_of_the_shapley_values(rows: np.ndarray, background: np.ndarray) -> None:
    best = _found(rows, _exact(rows, background), background).deletion_gain
    for seed in range(3):
        other = _found(rows, np.random.default_rng(seed).normal(size=rows.shape), background).deletion_gain
        assert best.low > other.high


def test_an_explanation_by_chance_gains_nothing(rows: np.ndarray, background: np.ndarray) -> None:
    found = _found(rows, np.random.default_rng(5).normal(size=rows.shape), background)
    for gain in (found.deletion_gain, found.insertion_gain):
        assert gain.low < 0 < gain.high


def test_an_explanation_turned_round_is_worse_than_chance(rows: np.ndarray, background: np.ndarray) -> None:
    found = _found(rows, -_exact(rows, background), background)
    assert found.deletion_gain.high < 0
    assert found.insertion_gain.high < 0


def test_a_constant_model_and_few_rows_are_no_data(rows: np.ndarray, background: np.ndarray) -> None:
    constant = faithfulness(lambda m: np.zeros(len(m)), rows, rows, background, np.ones(150), 20, 7)
    assert constant.deletion_gain.value is None
    assert np.isnan(constant.deletion).all()
    assert _found(rows[:20], rows[:20], background).insertion_gain.value is None
