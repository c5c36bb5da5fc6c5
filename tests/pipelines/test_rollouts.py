from dataclasses import replace

import numpy as np
import pytest

from components.rollout.statistics.simulation import Draw
from pipelines.benchmarks.rollouts import GUARDS, LOSS, LOSS_BOUND, Traffic, judge

ERRORS = {"error_rate": Draw(0.02)}


def test_weights_rise_as_planned_and_the_last_one_goes_on() -> None:
    share = Traffic(12_000, ERRORS, {}).share
    assert len(share) == 12_000
    assert share[[0, 1_999, 2_000, 4_999, 5_000, 11_999]].tolist() == [0.05, 0.05, 0.25, 0.25, 0.5, 0.5]


def test_alike_models_are_left_alone_and_the_naive_test_is_not_fooled_by_us() -> None:
    found = judge(Traffic(4_000, GUARDS, {}), 80, seed=1)
    ends = 40
    assert ((found.harm < ends) | (found.better < ends)).mean() <= 0.05
    assert found.naive_guards.mean() >= found.naive.mean() > 0.05


def test_a_harm_is_found_and_an_improvement_too() -> None:
    harmful = judge(Traffic(4_000, ERRORS, {"error_rate": Draw(0.2)}), 10, seed=2)
    assert (harmful.harm < 40).all()
    better = judge(Traffic(6_000, {"log_loss": LOSS}, {"log_loss": replace(LOSS, mean=0.2 / LOSS_BOUND)}), 10, seed=3)
    assert (better.better < 60).all()
    assert (better.harm == 60).all()


def test_a_covariate_finds_the_same_sooner() -> None:
    worse = {"log_loss": replace(LOSS, mean=0.45 / LOSS_BOUND)}
    plain = judge(Traffic(8_000, {"log_loss": LOSS}, worse), 20, seed=4)
    helped = judge(Traffic(8_000, {"log_loss": LOSS}, worse, known=0.8), 20, seed=4)
    assert np.median(helped.harm) < np.median(plain.harm)


def test_the_same_seed_gives_the_same_verdicts() -> None:
    one, two = (judge(Traffic(1_000, ERRORS, {"error_rate": Draw(0.2)}), 5, seed=5) for _ in range(2))
    assert one.harm.tolist() == two.harm.tolist()


def test_a_level_that_swings_three_times_and_grows() -> None:
    level = Traffic(1_001, ERRORS, {}, swing=1.0, growth=1.0).level
    assert level[[0, -1]] == pytest.approx([1.0, 2.0])
    assert level.max() > 3.5
