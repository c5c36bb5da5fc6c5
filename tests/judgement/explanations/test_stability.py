import numpy as np
import pytest

from components.judgement.explanations.stability import stability


@pytest.fixture
def phi() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(100, 5)) * [5, 4, 3, 2, 1]


def test_what_does_not_depend_on_the_background_is_wholly_stable(phi: np.ndarray) -> None:
    found = stability(np.stack([phi] * 4), np.ones(100), 50, 7)
    for estimate in (found.rows, found.ranks, found.importance):
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx((1, 1, 1))


def test_noise_is_not_stable(phi: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    little, much = (
        stability(np.stack([phi + rng.normal(scale=s, size=phi.shape) for _ in range(6)]), np.ones(100), 50, 7)
        for s in (0.3, 30)
    )
    assert little.rows.low > 0.97
    assert much.rows.value == pytest.approx(0, abs=0.1)
    assert much.importance.high < little.importance.low


def test_one_background_that_stands_apart_widens_the_interval(phi: np.ndarray) -> None:
    """Of six backgrounds one turns everything round: a round may draw it often or never."""
    found = stability(np.stack([phi] * 5 + [-phi]), np.ones(100), 200, 7)
    assert found.rows.value == pytest.approx((10 - 5) / 15)
    assert found.rows.low < 0 < 1 == pytest.approx(found.rows.high)


def test_few_rows_are_no_data(phi: np.ndarray) -> None:
    assert stability(np.stack([phi[:20]] * 3), np.ones(20), 20, 7).rows.value is None


def test_a_constant_model_is_stable_and_has_no_ranks() -> None:
    found = stability(np.zeros((3, 60, 4)), np.ones(60), 20, 7)
    assert found.rows.value == 1
    assert found.ranks.value is None
    assert found.importance.value is None
