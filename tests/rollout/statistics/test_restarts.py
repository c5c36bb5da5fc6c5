import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rollout.statistics.betting import log_e_above
from components.rollout.statistics.effect import paired, two_arm
from components.rollout.statistics.restarts import STARTS, Starts, log_e_above_restarted

values = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


@given(st.integers(1, 50), st.floats(0.1, 0.9), st.integers(0, 500))
def test_the_money_of_all_starts_and_what_is_kept_is_one(every: int, first: float, n: int) -> None:
    kept = Starts(every, first).kept(n)
    assert len(kept) == 1 + n // every
    assert kept[0] == pytest.approx(1 - first)
    assert (np.diff(kept) < 0).all()
    assert (kept > 0).all()


@given(values, st.floats(-0.9, 0.9), st.integers(1, 9), st.floats(0.1, 0.9))
def test_it_is_the_sum_of_bets_that_begin_at_each_start(
    observed: list[float], null: float, every: int, first: float
) -> None:
    starts, n = Starts(every, first), len(observed)
    kept = starts.kept(n)
    money = kept[-1] + first * math.exp(log_e_above(paired(np.array(observed)), null)[-1])
    for j, part in enumerate(kept[:-1] - kept[1:], start=1):
        later = np.array(observed[j * every :])
        money += part * (math.exp(log_e_above(paired(later), null)[-1]) if len(later) else 1.0)
    found = log_e_above_restarted(paired(np.array(observed)), null, starts=starts)
    assert math.exp(found[-1]) == pytest.approx(money, rel=1e-6)


@given(values, st.floats(-0.9, 0.9), st.integers(1, 9), st.floats(0.1, 0.9))
def test_it_keeps_the_first_bets_part_at_every_look(
    observed: list[float], null: float, every: int, first: float
) -> None:
    payoffs = paired(np.array(observed))
    found = log_e_above_restarted(payoffs, null, starts=Starts(every, first))
    assert (found >= log_e_above(payoffs, null) + math.log(first) - 1e-9).all()


@pytest.mark.parametrize("chance", [0.2, 0.5, 0.9])
def test_no_look_gains_on_average_while_the_null_is_true(chance: float) -> None:
    # All 1,024 sequences of ten coins with their probabilities: the mean of the money is summed exactly.
    coins = np.array(list(itertools.product([-1.0, 1.0], repeat=10)))
    probability = np.where(coins > 0, chance, 1 - chance).prod(axis=1)
    money = np.exp(log_e_above_restarted(paired(coins), 2 * chance - 1, starts=Starts(every=3)))
    assert probability @ money == pytest.approx(np.ones(10))
    beyond = np.exp(log_e_above_restarted(paired(coins), 2 * chance - 0.9, starts=Starts(every=3)))
    assert (probability @ beyond < 1).all()


def test_alike_models_are_refuted_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(21)
    who, bad = rng.random((300, 4_000)) < 0.5, (rng.random((300, 4_000)) < 0.05).astype(float)
    money = log_e_above_restarted(two_arm(who, np.full(4_000, 0.5), bad), 0.0, starts=Starts(every=50, first=0.1))
    assert (money > math.log(20)).any(axis=1).mean() <= 0.05


def test_looks_and_runs_side_by_side_are_those_one_by_one() -> None:
    observed, starts = np.random.default_rng(1).uniform(-1, 1, (3, 50)), Starts(every=10)
    looks = np.array([4, 9, 10, 49])
    together = log_e_above_restarted(paired(observed), 0.0, looks=looks, starts=starts)
    for run in range(3):
        alone = log_e_above_restarted(paired(observed[run]), 0.0, starts=starts)
        assert together[run] == pytest.approx(alone[looks])


def test_harm_that_begins_late_is_found_soon() -> None:
    rng = np.random.default_rng(22)
    n, before = 24_000, 20_000
    who = rng.random(n) < 0.5
    bad = (rng.random(n) < np.where(who & (np.arange(n) >= before), 0.1, 0.005)).astype(float)
    payoffs = two_arm(who, np.full(n, 0.5), bad)
    soon, late = (
        int(np.argmax(log_e > math.log(160))) - before
        for log_e in (log_e_above_restarted(payoffs, 0.01), log_e_above(payoffs, 0.01))
    )
    assert 0 < soon < 1_200
    assert late > 2 * soon


def test_most_of_the_money_is_on_harm_from_the_beginning() -> None:
    assert STARTS.first >= 0.5
