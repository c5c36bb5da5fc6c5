import numpy as np
import pytest

from components.monitoring.drift import embedding
from components.monitoring.drift.embedding import (
    centroid_cosine,
    embedding_mmd,
    gaussian_kernel,
    mean_cosine,
    unbiased_mmd2,
)

RNG = np.random.default_rng(12)


def cloud(n: int, shift: float = 0.0, about: float = 2.0) -> np.ndarray:
    rows = RNG.normal(size=(n, 16))
    rows[:, 0] += about
    rows[:, 1] += shift
    return rows


def test_the_centroids_angle() -> None:
    turned = centroid_cosine(np.array([[2.0, 0.0], [4.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert turned.size == pytest.approx(1 - 2**-0.5)
    assert turned.p_value is None
    assert centroid_cosine(np.eye(2), 7 * np.eye(2)).size == pytest.approx(0)
    assert centroid_cosine(np.zeros((3, 2)), np.eye(2)).size is None


@pytest.mark.parametrize("test", [mean_cosine, embedding_mmd])
def test_alike_clouds_are_seldom_called_different(test: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PERMUTATIONS", 199)
    p_values = [test(cloud(60), cloud(50), seed).p_value for seed in range(60)]  # type: ignore[operator]
    # 60 draws at 10 %: more than 12 have a chance of 1 %.
    assert sum(p <= 0.1 for p in p_values) <= 12
    assert np.mean(p_values) > 0.35


@pytest.mark.parametrize("test", [mean_cosine, embedding_mmd])
def test_a_cloud_that_moved_is_found(test: object) -> None:
    found = test(cloud(400), cloud(300, about=0.5), 1)  # type: ignore[operator]
    assert found.p_value < 1e-3
    assert found.size > 0.01


def test_the_discrepancy_is_gretton_and_others_equation_3() -> None:
    old, new = cloud(40), cloud(30, shift=1)
    kernel = gaussian_kernel(np.concatenate([old, new]))
    x, y, across = kernel[:40, :40], kernel[40:, 40:], kernel[:40, 40:]
    by_hand = x.sum() / (40 * 39) + y.sum() / (30 * 29) - 2 * across.mean()
    side = np.repeat([1.0, 0.0], [40, 30])[:, None]
    assert unbiased_mmd2(kernel, side)[0] == pytest.approx(by_hand)
    assert embedding_mmd(old, new).size == pytest.approx(by_hand)
    assert embedding_mmd(new, old).size == pytest.approx(by_hand)


def test_vectors_that_are_all_the_same_do_not_differ() -> None:
    same = np.ones((50, 4))
    found = embedding_mmd(same, same)
    assert found.size == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1


def test_too_few_vectors_say_so() -> None:
    assert embedding_mmd(np.ones((1, 2)), np.ones((9, 2))).size is None
    assert mean_cosine(np.ones((3, 2)), np.ones((9, 2))).size is None
    assert mean_cosine(np.zeros((9, 2)), np.ones((9, 2))).size is None
    assert set(embedding.tests) == {"centroid_cosine", "mean_cosine", "embedding_mmd"}
