import numpy as np
import pytest
from scipy import stats

from components.judgement.explanations import averages


def test_the_interval_is_students() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=25)
    found = averages.of(values, np.ones(25))
    ends = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), ends.low, ends.high))


def test_the_difference_is_welchs() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, size=40), rng.normal(0, 5, size=15)
    gap, reach = averages.difference((a[:, None], np.ones(40)), (b[:, None], np.ones(15)))
    ends = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (gap[0] - reach[0], gap[0] + reach[0]) == pytest.approx((ends.low, ends.high))


def test_weights_stand_for_rows_and_make_none_up() -> None:
    values = np.arange(20.0)
    mean, square, effective = averages.average(values[:, None], np.repeat([1.0, 3.0], 10))
    assert mean[0] == pytest.approx((values[:10].sum() + 3 * values[10:].sum()) / 40)
    assert effective == pytest.approx(16)  # (10 + 30)² / (10 + 90)
    assert square[0] == pytest.approx(np.average((values - mean[0]) ** 2, weights=np.repeat([1.0, 3.0], 10)) / 15)


def test_few_rows_are_no_data_and_equal_ones_have_no_width() -> None:
    assert averages.of(np.ones(9), np.ones(9)).value is None
    same = averages.of(np.ones(10), np.ones(10))
    assert same.low == same.value == same.high == 1
    gap, reach = averages.difference((np.ones((5, 1)), np.ones(5)), (np.zeros((5, 1)), np.ones(5)))
    assert (gap[0], reach[0]) == (1, 0)
