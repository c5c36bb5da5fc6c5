import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from components.judgement.explanations.agreement import agreement, cosines, rank_correlations

NUMBERS = arrays(np.float64, (6, 4), elements=st.floats(-5, 5).map(lambda x: round(x, 2)))


@given(NUMBERS, st.floats(0.1, 10))
def test_an_explanation_agrees_with_itself_at_any_scale(phi: np.ndarray, scale: float) -> None:
    assert cosines(phi, scale * phi) == pytest.approx(np.ones(6))
    moves = (phi != 0).any(axis=1)
    assert cosines(phi, -phi)[moves] == pytest.approx(-np.ones(moves.sum()))


def test_rank_correlation_is_scipys() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, size=(2, 20, 9)).astype(float)
    assert rank_correlations(a, b) == pytest.approx([spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)])


def test_what_is_all_equal_has_no_rank_correlation() -> None:
    assert np.isnan(rank_correlations(np.ones(4), np.arange(4.0)))


def test_both_measures_stand_with_their_intervals() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(size=(300, 4)) * [4, 3, 2, 1]
    same = agreement(first, first, np.ones(300), 100, 7)
    assert (same.rows.value, same.importance.value) == (pytest.approx(1), pytest.approx(1))
    other = agreement(first, first[:, [3, 2, 1, 0]], np.ones(300), 100, 7)
    assert other.importance.value == pytest.approx(-1)
    assert other.rows.low < other.rows.value < other.rows.high < 0.5


def test_few_rows_are_no_data() -> None:
    found = agreement(np.ones((10, 2)), np.ones((10, 2)), np.ones(10), 20, 7)
    assert (found.rows.value, found.rows.n) == (None, 10)


def test_a_row_counts_by_its_weight() -> None:
    first, second = np.array([[1.0, 0.0]] * 60), np.array([[1.0, 0.0]] * 30 + [[0.0, 1.0]] * 30)
    weights = np.repeat([3.0, 1.0], 30)
    assert agreement(first, second, weights, 20, 7).rows.value == pytest.approx(0.75)
