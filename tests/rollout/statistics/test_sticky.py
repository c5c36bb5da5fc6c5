import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.statistics.sticky import share_given_past


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0])), max_size=30),
    st.integers(0, 1000),
)
def test_it_is_what_is_known_of_the_keys_hidden_number(requests: list[tuple[int, float]], seed: int) -> None:
    hidden = np.random.default_rng(seed).random(5)
    keys = np.array([key for key, _ in requests], dtype=np.int64)
    weight = np.array([w for _, w in requests])
    candidate = hidden[keys] < weight
    found = share_given_past(keys, candidate, weight)
    # One key at a time, as one would do it by hand.
    known = dict.fromkeys(range(5), (0.0, 1.0))
    for i, (key, w) in enumerate(requests):
        low, high = known[key]
        assert found[i] == pytest.approx(min(max((w - low) / (high - low), 0.0), 1.0), abs=1e-9)
        known[key] = (low, min(high, w)) if candidate[i] else (max(low, w), high)


def test_few_keys_with_many_requests_are_little_evidence() -> None:
    keys = np.arange(1000) % 3
    found = share_given_past(keys, keys == 0, np.full(1000, 0.4))
    assert ((found > 0) & (found < 1)).sum() == 3


def test_over_many_keys_the_shares_are_those_of_the_assignment() -> None:
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 20_000, 60_000)
    weight = np.repeat([0.05, 0.25, 0.5], 20_000)
    candidate = rng.random(20_000)[keys] < weight
    share = share_given_past(keys, candidate, weight)
    assert (candidate - share).mean() == pytest.approx(0, abs=0.004)
    assert candidate[share == 1].all()
    assert not candidate[share == 0].any()


def test_a_key_that_changes_sides_for_no_reason_is_named() -> None:
    keys, weight = np.array(["b", "a", "a"]), np.full(3, 0.5)
    with pytest.raises(FairleadError, match="key a changed sides"):
        share_given_past(keys, np.array([True, True, False]), weight)


def test_of_nothing_there_are_no_shares() -> None:
    assert len(share_given_past(np.array([]), np.array([], dtype=bool), np.array([]))) == 0
