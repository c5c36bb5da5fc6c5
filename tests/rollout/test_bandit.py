from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.rollout.bandit import POLICIES, weight
from components.rollout.plan import Bandit
from tests.rollout.looks import evidence

POLICY_NAMES = sorted(POLICIES)


def seen(candidate: float, stable: float, n: int = 400, m: int = 400):
    return evidence("brier", estimate=candidate - stable, mean_stable=stable, n_candidate=n, n_stable=m)


def test_every_policy_of_a_plan_is_there():
    assert sorted(get_args(Bandit.model_fields["policy"].annotation)) == POLICY_NAMES


@settings(max_examples=60)
@given(
    st.sampled_from(POLICY_NAMES),
    st.floats(0, 2),
    st.floats(0, 2),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 49),
    st.integers(0, 10**6),
)
def test_no_variant_gets_less_than_the_least_and_the_same_look_draws_alike(policy, a, b, n, m, lowest, at):
    bandit = Bandit(policy=policy, lowest=lowest)
    found = [weight(bandit, seen(a, b, n, m), 1.0, at) for _ in range(2)]
    assert found[0] == found[1]
    assert lowest <= found[0] <= 100 - lowest


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_the_better_variant_gets_more(policy):
    bandit = Bandit(policy=policy)
    assert weight(bandit, seen(0.1, 0.3, 5000, 5000), 1.0, 1) > 90
    assert weight(bandit, seen(0.3, 0.1, 5000, 5000), 1.0, 1) < 10


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_equal_variants_share_evenly(policy):
    assert weight(Bandit(policy=policy), seen(0.2, 0.2), 1.0, 1) == pytest.approx(50, abs=4)


@pytest.mark.parametrize("policy", POLICY_NAMES)
@pytest.mark.parametrize(
    "nothing",
    [
        None,
        seen(0.1, 0.1, 0, 9),
        seen(0.1, 0.1, 9, 0),
        evidence("brier", mean_stable=None),
        evidence("brier", estimate=None),
    ],
)
def test_without_losses_there_is_no_weight(policy, nothing):
    assert weight(Bandit(policy=policy), nothing, 1.0, 1) is None


def test_thompson_gives_the_probability_of_being_better():
    # Beta(2, 3) and Beta(3, 2), one loss in three against two in three: P(X < Y) = 0.7571, by integration.
    found = weight(Bandit(lowest=1), seen(1 / 3, 2 / 3, 3, 3), 1.0, 1)
    assert found == pytest.approx(75.71, abs=2.5)


def test_the_draw_depends_on_seed_and_look():
    even = seen(0.2, 0.21, 50, 50)
    assert len({weight(Bandit(seed=s), even, 1.0, at) for s in range(4) for at in range(4)}) > 1


def test_losses_are_taken_as_a_share_of_the_largest():
    assert weight(Bandit(), seen(1.0, 3.0), 7.0, 1) == weight(Bandit(), seen(1 / 7, 3 / 7), 1.0, 1)


def test_ucb_prefers_what_it_knows_little_of():
    assert weight(Bandit(policy="ucb"), seen(0.25, 0.2, 10, 5000), 1.0, 1) == 95


def test_epsilon_greedy_explores_with_half_of_epsilon():
    assert weight(Bandit(policy="epsilon_greedy", epsilon=0.3), seen(0.1, 0.2), 1.0, 1) == 85
