import numpy as np
import pytest
from scipy.stats import norm

from components.monitoring.drift.multivariate import domain_classifier, pca_reconstruction

RNG = np.random.default_rng(6)


def test_the_classifiers_auc_is_what_the_shift_allows() -> None:
    found = domain_classifier(RNG.normal(size=(4000, 1)), RNG.normal(1, 1, size=(4000, 1)))
    # The best rule there is has Phi(shift / sqrt(2)).
    assert found.size == pytest.approx(norm.cdf(1 / 2**0.5), abs=0.02)
    assert found.p_value is not None
    assert found.p_value < 1e-50


def test_the_classifier_sees_what_no_column_shows() -> None:
    x, y = RNG.normal(size=(2, 2000))
    together, apart = np.column_stack([x, 0.9 * x + 0.44 * y]), RNG.normal(size=(2000, 2))
    found = domain_classifier(together, apart)
    assert found.size is not None
    assert found.size > 0.7


def test_missing_and_infinite_values_are_taken_as_they_are() -> None:
    old, new = RNG.normal(size=(600, 2)), RNG.normal(size=(600, 2))
    new[::2, 0] = np.nan
    old[0, 1], new[1, 1] = np.inf, -np.inf
    assert (domain_classifier(old, new).size or 0) > 0.7
    assert pca_reconstruction(old, new).size is not None


def test_alike_samples_are_seldom_told_apart() -> None:
    draws = [(RNG.normal(size=(150, 4)), RNG.normal(size=(100, 4))) for _ in range(20)]
    for test in (domain_classifier, pca_reconstruction):
        p_values = [test(old, new, seed).p_value or 0.0 for seed, (old, new) in enumerate(draws)]
        # 20 draws at 10 %: more than 6 have a chance of 0.3 %.
        assert sum(p <= 0.1 for p in p_values) <= 6


def test_the_same_seed_gives_the_same_answer() -> None:
    old, new = RNG.normal(size=(300, 3)), RNG.normal(size=(300, 3))
    assert domain_classifier(old, new, 3) == domain_classifier(old, new, 3)
    assert pca_reconstruction(old, new, 3) == pca_reconstruction(old, new, 3)


def test_components_that_no_longer_fit_are_seen() -> None:
    x = RNG.normal(size=(3000, 2)) @ RNG.normal(size=(2, 6)) + 0.1 * RNG.normal(size=(3000, 6))
    broken = x[:1000].copy()
    broken[:, 0] = RNG.permutation(broken[:, 0])
    found = pca_reconstruction(x, broken)
    assert (found.size or 0) > 0.5
    assert (found.p_value or 1) < 1e-9


def test_what_cannot_be_tested_says_so() -> None:
    few, narrow, none = RNG.normal(size=(3, 2)), RNG.normal(size=(300, 1)), np.empty((300, 0))
    assert "halved" in domain_classifier(few, narrow.repeat(2, axis=1)).reason
    assert "halved" in pca_reconstruction(few, few).reason
    assert "one column alone" in pca_reconstruction(narrow, narrow).reason
    assert "no column" in domain_classifier(none, none).reason


def test_columns_that_never_vary_are_no_difference() -> None:
    flat = np.ones((300, 3))
    assert pca_reconstruction(flat, flat).size == 0
    found = domain_classifier(flat, flat)
    assert (found.size, found.p_value) == (0.5, 1.0)
