import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.judgement.explanations.dependence import dependence


def test_each_tenth_has_its_mean_contribution() -> None:
    values = np.random.default_rng(1).permutation(np.arange(1000.0))
    found = dependence(values, 2 * values, np.ones(1000))
    assert len(found) == 10
    assert [b.contribution.n for b in found] == pytest.approx([100] * 10, abs=1)
    assert [b.contribution.value for b in found] == pytest.approx([2 * b.middle for b in found])
    assert all(b.contribution.low < b.contribution.value < b.contribution.high for b in found)
    assert found[0].label == "0 to 99"


def test_few_values_have_a_bin_each_and_missing_ones_their_own() -> None:
    values = np.array([0.0] * 20 + [1.0] * 30 + [np.nan] * 10 + [2.0] * 5)
    found = dependence(values, np.nan_to_num(values, nan=7.0), np.ones(65))
    assert [(b.label, b.contribution.value, b.contribution.n) for b in found] == [
        ("0", 0, 20),
        ("1", 1, 30),
        ("2", None, 5),
        ("missing", 7, 10),
    ]
    assert found[-1].middle is None


def test_a_column_that_is_all_missing_has_one_bin() -> None:
    assert [b.label for b in dependence(np.full(20, np.nan), np.ones(20), np.ones(20))] == ["missing"]


@given(arrays(np.float64, 60, elements=st.one_of(st.just(np.nan), st.floats(-3, 3).map(lambda x: round(x, 1)))))
def test_every_row_is_in_one_bin(values: np.ndarray) -> None:
    assert sum(b.contribution.n for b in dependence(values, values, np.ones(60))) == 60
