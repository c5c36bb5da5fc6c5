"""Gaps, and that the widest one of many is not taken for more than chance gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.judgement.fairness.gaps import (
    differences,
    larger_differences,
    ratios,
    smallest_ratio,
    widest_difference,
)
from components.judgement.fairness.metrics import Levels
from components.training.shares import share_limits

SIZES = np.array([2400, 900, 300, 120])
counts = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=2, max_size=6)


def levels(hits, sizes) -> Levels:
    share, n = np.asarray(hits) / np.asarray(sizes), np.asarray(sizes, dtype=float)
    return Levels(share, np.asarray(sizes), lambda z: share_limits(share, n, z))


def of(pairs) -> Levels:
    return levels([h for h, _ in pairs], [h + m for h, m in pairs])


@given(counts, st.data())
def test_gaps_to_one_group_hold_their_value_and_do_not_differ_from_itself(pairs, data):
    found = of(pairs)
    against = data.draw(st.integers(0, len(pairs) - 1))
    for gaps, itself in ((differences(found, against), 0.0), (ratios(found, against), 1.0)):
        assert gaps.value[against] == gaps.low[against] == gaps.high[against] == itself
        assert (gaps.low <= gaps.value + 1e-12).all()
        assert (gaps.value <= gaps.high + 1e-12).all()
    assert np.allclose(differences(found, against).value, found.value - found.value[against])


@given(counts)
def test_the_widest_gap_is_that_of_some_pair_whatever_the_order(pairs):
    found, turned = of(pairs), of(pairs[::-1])
    widest, smallest = widest_difference([found]), smallest_ratio(found)
    assert widest.value == pytest.approx(np.ptp(found.value))
    assert smallest.value == pytest.approx(found.value.min() / found.value.max())
    for one, other in ((widest, widest_difference([turned])), (smallest, smallest_ratio(turned))):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
        assert one.low <= one.value + 1e-12
        assert one.value <= one.high + 1e-12
    # What holds for all pairs is never surer than what holds for one.
    assert widest.low <= max(0.0, *(float(differences(found, i).low.max()) for i in range(len(pairs)))) + 1e-9


@given(counts)
def test_the_larger_of_two_gaps_is_no_narrower_than_either_and_has_no_sign(pairs):
    found, other = of(pairs), of([(h, m + 1) for h, m in pairs])
    both = larger_differences([found, other], 0)
    assert (both.low >= 0).all()
    assert np.allclose(both.value, np.maximum(*(np.abs(differences(one, 0).value) for one in (found, other))))
    assert (both.high >= np.abs(differences(found, 0).high) - 1e-9).all()


def test_where_all_are_treated_alike_the_widest_gap_is_shown_in_one_of_twenty():
    """The false-alarm rate of a gate at the near end: of 4 groups of unequal size, and over two rates at once."""
    rng = np.random.default_rng(11)
    rounds, alarms, by_ratio, of_two, plain = 1500, 0, 0, 0, 0
    for _ in range(rounds):
        one, other = (levels(rng.binomial(SIZES, p), SIZES) for p in (0.7, 0.4))
        alarms += widest_difference([one]).low > 0
        by_ratio += smallest_ratio(one).high < 1
        of_two += widest_difference([one, other]).low > 0
        gaps = [differences(one, i) for i in range(4)]
        plain += any(((g.low > 0) | (g.high < 0)).any() for g in gaps)
    assert 0.02 < alarms / rounds <= 0.065
    assert 0.02 < by_ratio / rounds <= 0.065
    assert 0.02 < of_two / rounds <= 0.065
    # Intervals that hold one by one would alarm several times as often.
    assert plain / rounds > 0.13


def test_the_interval_of_the_widest_gap_holds_the_truth():
    rng = np.random.default_rng(12)
    truth = np.array([0.75, 0.7, 0.6, 0.66])
    held = [
        (w := widest_difference([levels(rng.binomial(SIZES, truth), SIZES)])).low <= 0.15 <= w.high for _ in range(1000)
    ]
    assert np.mean(held) >= 0.94
    ratio = [(s := smallest_ratio(levels(rng.binomial(SIZES, truth), SIZES))).low <= 0.8 <= s.high for _ in range(1000)]
    assert np.mean(ratio) >= 0.94


def test_where_no_group_has_a_good_decision_there_is_no_ratio():
    none = levels([0, 0], [50, 60])
    assert np.isnan(smallest_ratio(none).value)
    assert np.isnan(ratios(none, 0).value[1])
    assert widest_difference([none]).low == 0
