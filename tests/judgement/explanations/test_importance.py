import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.judgement.explanations.importance import importance, shares
from tests.judgement.explanations.made import explained


def test_it_is_the_mean_size_with_share_and_rank() -> None:
    rng = np.random.default_rng(1)
    phi = rng.normal(size=(500, 3)) * [1, 4, 2]
    found = importance(explained(phi), np.ones(500), 200, 7)
    assert found.value == pytest.approx(np.abs(phi).mean(axis=0))
    assert found.share.sum() == pytest.approx(1)
    assert found.rank.tolist() == [3, 1, 2]
    assert found.order == [1, 2, 0]
    assert (found.rank_low.tolist(), found.rank_high.tolist()) == ([3, 1, 2], [3, 1, 2])
    assert (found.low < found.value).all()
    assert (found.share_high > found.share).all()


def test_ranks_of_features_that_are_alike_are_told_as_unsure() -> None:
    phi = np.random.default_rng(1).normal(size=(200, 2))
    found = importance(explained(phi), np.ones(200), 200, 7)
    assert (found.rank_low.tolist(), found.rank_high.tolist()) == ([1, 1], [2, 2])


@given(st.floats(0.01, 100))
def test_shares_do_not_depend_on_the_scale(scale: float) -> None:
    assert shares(scale * np.array([1.0, 2.0, 5.0])) == pytest.approx([0.125, 0.25, 0.625])


def test_where_nothing_moves_nothing_has_a_share() -> None:
    found = importance(explained(np.zeros((60, 2))), np.ones(60), 20, 7)
    assert np.isnan(found.share).all()
    assert found.value.tolist() == [0, 0]


def test_half_of_the_rows_with_twice_the_weight_say_the_same() -> None:
    phi = np.repeat(np.random.default_rng(1).normal(size=(100, 2)), 2, axis=0)
    whole = importance(explained(phi), np.ones(200), 20, 7)
    half = importance(explained(phi[::2]), np.full(100, 2.0), 20, 7)
    assert half.value == pytest.approx(whole.value)
