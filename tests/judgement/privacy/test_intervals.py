"""Intervals against published examples, against what they promise, and in the corners."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from components.core.contracts import Estimate
from components.judgement.privacy.intervals import (
    area,
    area_difference,
    area_spread,
    bonferroni,
    exact_rate,
    mean_difference,
    paired_difference,
    rate_difference,
    worst,
)


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_differences_of_rates_are_told_with_all_their_rows() -> None:
    found = rate_difference((9, 3), (10, 10))
    assert (found.value, found.n) == (pytest.approx(0.6), 20)
    assert ends(found) == pytest.approx((0.1705, 0.8090), abs=6e-5)  # Newcombe's table II
    assert rate_difference((0, 1), (0, 5)).value is None


def test_exact_rates_are_clopper_and_pearsons() -> None:
    """The rule of three in its exact form, and the interval of 81 of 263 in Newcombe, Stat. Med. 17 (1998), 857-872."""
    assert ends(exact_rate(0, 30)) == pytest.approx((0.0, 1 - 0.025 ** (1 / 30)))
    assert ends(exact_rate(81, 263)) == pytest.approx((0.2527, 0.3676), abs=6e-5)
    assert exact_rate(0, 0).value is None


def test_an_area_is_the_one_of_scikit_learn_and_its_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    positive = np.arange(120) < 50
    true = 0.76025  # of two normal distributions that are one deviation apart: Phi(1 / sqrt(2))
    held = 0
    for _ in range(400):
        scores = rng.normal(size=120) + positive
        found = area(scores, positive)
        low, high = ends(found)
        held += low <= true <= high
    assert found.value == pytest.approx(roc_auc_score(positive, scores))
    assert 0.92 <= held / 400 <= 0.985


def test_the_spread_of_an_area_is_the_one_seen_in_repetition() -> None:
    rng = np.random.default_rng(5)
    positive = np.arange(200) < 80
    drawn = [area_spread(rng.normal(size=200) + positive, positive) for _ in range(400)]
    assert np.mean([variance for _, variance in drawn]) == pytest.approx(np.var([a for a, _ in drawn]), rel=0.2)


def test_the_difference_of_two_areas_on_the_same_rows_is_narrower_than_on_others() -> None:
    rng = np.random.default_rng(7)
    positive = np.arange(300) < 150
    held = 0
    for _ in range(300):
        base = rng.normal(size=300)
        first, second = base + positive, base + positive + 0.3 * rng.normal(size=300)
        found = area_difference(first, second, positive)
        low, high = ends(found)
        held += low <= 0.76025 - 0.75068 <= high  # Phi(1 / sqrt(2)) less Phi(1 / sqrt(2 * 1.09))
    assert 0.91 <= held / 300 <= 0.99
    single = ends(area(first, positive))
    assert high - low < 0.5 * (single[1] - single[0])


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=4, max_size=40))
def test_areas_turn_round_with_the_scores(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([s for s, _ in rows], dtype=float)
    positive = np.array([p for _, p in rows])
    there, back = area(scores, positive), area(-scores, positive)
    if positive.all() or not positive.any():
        assert there.value is None
        return
    assert there.value is not None
    assert back.value is not None
    assert there.value + back.value == pytest.approx(1)
    low, high = ends(there)
    assert 0 <= low <= there.value <= high <= 1
    assert low < high
    assert ends(back) == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_the_worst_of_several_that_are_all_worthless_is_not_called_worth_something() -> None:
    """Six attacks that guess: the largest is above its own interval too often, the corrected low end hardly ever."""
    rng = np.random.default_rng(11)
    positive = np.arange(200) < 100
    plain_wrong = corrected_wrong = 0
    for _ in range(150):
        scores = [rng.normal(size=200) for _ in range(6)]
        plain = [area(s, positive) for s in scores]
        found = worst(plain, [area(s, positive, bonferroni(6)) for s in scores])
        plain_wrong += max(ends(e)[0] for e in plain) > 0.5
        corrected_wrong += ends(found)[0] > 0.5
    assert plain_wrong / 150 > 0.08
    assert corrected_wrong / 150 < 0.05


def test_where_there_is_nothing_there_is_no_value() -> None:
    nothing, one = np.array([]), np.array([1.0])
    assert worst([], []).value is None
    assert worst([Estimate(value=None, n=3)], [Estimate(value=None, n=3)]) == Estimate(value=None, n=3)
    assert paired_difference(one, one).value is None
    assert mean_difference(one, np.array([1.0, 2.0])).value is None
    assert area(nothing, nothing.astype(bool)).value is None
    assert area_difference(one, one, np.array([True])).value is None
    assert rate_difference((0, 0), (0, 5)).value is None


def test_rows_that_do_not_differ_leave_doubt() -> None:
    low, high = ends(paired_difference(np.ones(100), np.ones(100)))
    assert low < -0.03
    assert high > 0.03
