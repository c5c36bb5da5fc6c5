import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from components.training.shares import difference_limits, newcombe, share_limits, wilson, z_of

counts = st.tuples(st.integers(0, 400), st.integers(1, 400)).filter(lambda c: c[0] <= c[1])


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_share_is_wilsons(found, level):
    expected = binomtest(*found).proportion_ci(level, method="wilson")
    assert wilson(*found, level) == pytest.approx((expected.low, expected.high), abs=1e-7)


@given(counts)
def test_many_shares_have_the_intervals_of_each(found):
    low, high = share_limits(np.array([found[0] / found[1]] * 2), np.array([found[1]] * 2, dtype=float), z_of())
    assert list(zip(low, high, strict=True)) == [pytest.approx(wilson(*found))] * 2


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_have_the_published_interval(a, b, low, high):
    """Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10."""
    assert newcombe(a, b) == pytest.approx((low, high), abs=6e-5)


@given(counts, counts)
def test_a_difference_turned_round_has_its_ends_turned_round(a, b):
    low, high = newcombe(a, b)
    assert newcombe(b, a) == pytest.approx((-high, -low))
    assert low <= a[0] / a[1] - b[0] / b[1] <= high


def test_an_estimate_without_spread_adds_nothing():
    sure = (np.array([0.5]), (np.array([0.5]), np.array([0.5])))
    low, high = difference_limits(*sure, np.array([0.2]), (np.array([0.1]), np.array([0.4])))
    assert (low[0], high[0]) == pytest.approx((0.1, 0.4))
