import numpy as np
import pytest
from scipy import stats

from components.monitoring.causes.patterns import chance, explains, known, ks


def test_the_distance_is_that_of_scipy():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 20, 300).astype(float), rng.integers(3, 25, 200).astype(float)
    assert ks(x, y) == pytest.approx(stats.ks_2samp(x, y).statistic)


def test_chance_is_exceeded_once_in_a_hundred():
    rng = np.random.default_rng(2)
    far = [ks(rng.random(200), rng.random(100)) > chance(200, 100) for _ in range(1000)]
    assert 0 < sum(far) < 22


def test_a_pattern_explains_what_it_undoes_and_nothing_else():
    rng = np.random.default_rng(3)
    before, now = rng.lognormal(3, 1, 500), 10 * rng.lognormal(3, 1, 500)
    assert explains(before, now, now / 10)
    assert not explains(before, now, now / 3)
    assert not explains(before, now / 10, now / 10)


def test_missing_values_are_left_out():
    assert known(np.array([1.0, np.nan, 2.0])).tolist() == [1, 2]
