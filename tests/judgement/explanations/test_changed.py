import numpy as np
import pytest
from scipy import stats

from components.judgement.explanations.changed import change, changes
from components.training.bundle import Bundle


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=200), rng.normal(0.5, 1, size=150)
    found = change(a, b)
    assert found.distance == pytest.approx(stats.ks_2samp(a, b).statistic)
    assert found.changed


def test_rows_of_one_source_rarely_count_as_changed() -> None:
    rng = np.random.default_rng(2)
    called = [change(*rng.normal(size=(2, 200))).changed for _ in range(300)]
    assert sum(called) <= stats.binom.ppf(0.999, 300, 0.02)


def test_more_gaps_are_a_change_whatever_the_values() -> None:
    a = np.arange(200.0)
    b = np.where(np.arange(200) % 5 == 0, np.nan, a)
    found = change(a, b)
    assert (found.changed, found.missing) == (True, pytest.approx(-0.2))


def test_a_feature_that_one_side_never_has() -> None:
    found = change(np.full(50, np.nan), np.arange(50.0))
    assert (found.distance, found.missing, found.changed) == (None, 1.0, True)


def test_a_model_beside_itself_has_no_change(trees: Bundle, linear: Bundle) -> None:
    assert not any(c.changed or c.distance for c in changes(trees, trees).values())
    assert tuple(changes(trees, linear)) == trees.contract.features
