import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from components.judgement.fairness.auc import auc

scored = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(m for _, m in rows) <= len(rows) - 2
)


@given(scored)
def test_the_value_is_that_of_scikit_learn_and_within_its_interval(rows):
    score, member = np.array([s for s, _ in rows], float), np.array([m for _, m in rows])
    found = auc(score, member)
    assert found.value == pytest.approx(roc_auc_score(member, score), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_holds_the_truth():
    """Two normal scores a standard deviation apart: the truth is the normal distribution at 1 over root 2."""
    rng = np.random.default_rng(8)
    held = []
    for _ in range(500):
        member = np.arange(300) < 80
        found = auc(rng.normal(size=300) + member, member)
        held.append(found.low <= 0.76025 <= found.high)
    assert 0.925 <= np.mean(held) <= 0.975


def test_without_a_mistake_the_interval_has_a_width_all_the_same():
    member = np.arange(40) < 20
    found = auc(member.astype(float), member)
    assert (found.value, found.low, found.high) == (1.0, 0.85, 1.0)


@pytest.mark.parametrize("members", [0, 1, 9, 10])
def test_fewer_than_two_of_a_kind_are_no_data(members):
    assert auc(np.arange(10.0), np.arange(10) < members).value is None
