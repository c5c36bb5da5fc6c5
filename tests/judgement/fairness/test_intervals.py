import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.judgement.fairness.intervals import ratio_limits, z_of_pairs
from components.training.shares import difference_limits, share_limits, z_of

shares = st.tuples(st.integers(0, 400), st.integers(1, 400)).filter(lambda c: c[0] <= c[1])


def of(hits: int, n: int, z: float = z_of()):
    share = np.array([hits / n])
    return share, share_limits(share, np.array([float(n)]), z)


@pytest.mark.parametrize(("groups", "q"), [(2, 2.772), (3, 3.314), (4, 3.633), (5, 3.858), (10, 4.474), (20, 5.012)])
def test_all_pairs_take_the_tabled_studentised_range(groups, q):
    """Upper 5 % points with infinite degrees of freedom, as in the tables after Harter (1960)."""
    assert z_of_pairs(groups) * 2**0.5 == pytest.approx(q, abs=2e-3)


def test_of_two_groups_all_pairs_are_one():
    assert z_of_pairs(2) == pytest.approx(z_of(), abs=1e-6)


@given(shares.filter(lambda c: c[0] > 0), shares.filter(lambda c: c[0] > 0))
def test_at_the_ends_of_a_ratio_the_difference_may_just_be_nothing(a, b):
    """What defines them: a - r b has an interval that ends at 0, by the same rule as a difference."""
    (x, x_limits), (y, y_limits) = of(*a), of(*b)
    low, high = ratio_limits(x, x_limits, y, y_limits)
    assert low[0] <= x[0] / y[0] <= high[0]
    scaled = [(r * y, (r * y_limits[0], r * y_limits[1])) for r in (low, high)]
    assert difference_limits(x, x_limits, *scaled[0])[0][0] == pytest.approx(0, abs=1e-7)
    assert difference_limits(x, x_limits, *scaled[1])[1][0] == pytest.approx(0, abs=1e-7)


@given(shares.filter(lambda c: c[0] > 0), shares.filter(lambda c: c[0] > 0))
def test_turned_round_a_ratio_has_the_ends_turned_round(a, b):
    low, high = ratio_limits(*of(*a), *of(*b))
    back_low, back_high = ratio_limits(*of(*b), *of(*a))
    assert (low[0], high[0]) == pytest.approx((1 / back_high[0], 1 / back_low[0]), rel=1e-6)


def test_a_share_of_nothing_leaves_a_ratio_open_above():
    low, high = ratio_limits(*of(5, 10), *of(0, 10))
    assert np.isinf(high[0])
    assert ratio_limits(*of(0, 10), *of(5, 10))[0][0] == 0
    assert low[0] > 0
