import gc
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.rollout.statistics.betting import Payoffs, Upward, log_e_above
from components.rollout.statistics.confidence import TOLERANCE, interval
from components.rollout.statistics.effect import paired, two_arm


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(-0.3, 0.3), st.sampled_from([0.01, 0.05, 0.2]))
def test_a_mean_is_out_when_a_bet_against_it_has_won(seed: int, mean: float, alpha: float) -> None:
    payoffs = paired(np.clip(np.random.default_rng(seed).normal(mean, 0.2, 300), -1, 1))
    low, high = interval(payoffs, alpha)
    won = math.log(2 / alpha)
    for end in np.linspace(-0.5, 0.5, 21):
        if abs(end - low) > TOLERANCE:
            assert (log_e_above(payoffs, end)[-1] > won) == (end < low)
        if abs(end - high) > TOLERANCE:
            assert (log_e_above(payoffs.mirrored(), -end)[-1] > won) == (end > high)


def test_the_truth_stays_inside_at_all_looks_in_nearly_all_runs() -> None:
    rng = np.random.default_rng(11)
    runs, n, effect = 400, 2_000, 0.05
    share = np.repeat([0.1, 0.5], n // 2)
    who = rng.random((runs, n)) < share
    value = (rng.random((runs, n)) < 0.2 + effect * who).astype(float)
    payoffs = two_arm(who, share, value)
    won = math.log(2 / 0.1)
    # By the law above, the truth is outside exactly when a bet against it has won.
    above = (log_e_above(payoffs, effect) > won).any(axis=1)
    below = (log_e_above(payoffs.mirrored(), -effect) > won).any(axis=1)
    assert (above | below).mean() <= 0.1


def test_more_requests_narrow_it_as_they_do_a_classical_interval() -> None:
    rng = np.random.default_rng(12)
    x = rng.normal(0, 0.1, 40_000)
    widths = [np.subtract(*interval(paired(x[:n]), 0.05)[::-1]) for n in (2_500, 40_000)]
    classical = 2 * 1.96 * 0.1 / np.sqrt([2_500, 40_000])
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.15)
    # What validity at all looks costs: Howard et al. (2021) report about twice the width.
    assert (widths / classical < 2.2).all()
    assert (widths / classical > 1.2).all()


def test_of_one_observation_nothing_is_known() -> None:
    assert interval(paired(np.array([0.3])), 0.05) == (-1.0, 1.0)


def test_nothing_of_a_look_stays_in_memory() -> None:
    """Whatever SciPy keeps of the function whose root it found, the observations are not in it."""
    payoffs = Payoffs(np.full(400, 0.1), np.full(400, -1.0), np.ones(400), np.ones(400))
    gc.collect()
    gc.disable()
    try:
        interval(payoffs, 0.05)
        assert not [one for one in gc.get_objects() if isinstance(one, Upward)]
    finally:
        gc.enable()
