import numpy as np
import pytest
from scipy import stats

from components.core.errors import FairleadError
from components.rollout.samples import Measured, Paired, TwoArm
from components.rollout.statistics.fixed_horizon import fixed_test, requests_needed, requests_needed_for_mean

HALF = np.array([0.5])
ERRORS = Measured("error_rate", "proportion", tolerated=0.0, margin=0.01)


@pytest.mark.parametrize(
    ("stable", "candidate", "alpha", "power", "each"),
    [
        # Reference: the help page of R's power.prop.test states n = 76.7 for the first of these calls.
        (0.50, 0.75, 0.05, 0.9, 76.7),
        # Reference: Fleiss, Levin and Paik (2003), table A.4, without continuity correction: 0.1 against 0.2.
        (0.10, 0.20, 0.05, 0.8, 198.96),
    ],
)
def test_sizes_for_rates_are_those_of_the_textbook(
    stable: float, candidate: float, alpha: float, power: float, each: float
) -> None:
    assert requests_needed(HALF, stable, candidate, alpha, power) == pytest.approx(2 * each, abs=1)


def test_sizes_for_means_are_those_of_the_normal_formula() -> None:
    tails = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert requests_needed_for_mean(HALF, 2.0, 0.3, 0.05, 0.8) == np.ceil(4 * tails**2 * 4 / 0.09)


def test_the_last_weight_goes_on_as_long_as_it_takes() -> None:
    long = requests_needed(np.full(100_000, 0.25), 0.01, 0.012, 0.05, 0.8)
    assert requests_needed(np.array([0.25]), 0.01, 0.012, 0.05, 0.8) == long
    assert long is not None
    # A start with little traffic to the candidate takes longer in all.
    ramp = requests_needed(np.concatenate([np.full(2000, 0.01), [0.25]]), 0.01, 0.012, 0.05, 0.8)
    assert ramp is not None
    assert long < ramp < long + 2000


def test_there_is_no_size_for_no_difference() -> None:
    assert requests_needed(HALF, 0.1, 0.1, 0.05, 0.8) is None


def one_weight(n: int, seed: int = 1) -> TwoArm:
    rng = np.random.default_rng(seed)
    who = rng.random(n) < 0.3
    return TwoArm(who, np.full(n, 0.3), rng.normal(0, 1, n) + 0.1 * who)


def test_with_one_weight_it_is_welchs_test() -> None:
    sample = one_weight(500)
    found = fixed_test(Measured("loss", "mean", margin=0.2), sample, 500, 0.05)
    ours, theirs = sample.value[sample.candidate], sample.value[~sample.candidate]
    welch = stats.ttest_ind(ours, theirs, equal_var=False, alternative="greater")
    assert found.p_harm == pytest.approx(welch.pvalue)
    ends = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    shifted = stats.ttest_ind(ours - 0.2, theirs, equal_var=False, alternative="less")
    assert found.p_safe == pytest.approx(shifted.pvalue)


def test_a_drift_between_weights_biases_nothing() -> None:
    rng = np.random.default_rng(2)
    share = np.repeat([0.05, 0.5], 5_000)
    rate = np.repeat([0.02, 0.2], 5_000)
    p = []
    for _ in range(200):
        who = rng.random(10_000) < share
        p.append(fixed_test(ERRORS, TwoArm(who, share, (rng.random(10_000) < rate) * 1.0), 10_000, 0.05).p_harm)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.045)


def test_a_covariate_narrows_the_interval() -> None:
    rng = np.random.default_rng(3)
    known = rng.normal(0, 1, 4_000)
    who = rng.random(4_000) < 0.5
    value = known + rng.normal(0, 0.5, 4_000)
    spec = Measured("loss", "mean")
    plain = fixed_test(spec, TwoArm(who, np.full(4_000, 0.5), value), 4_000, 0.05)
    helped = fixed_test(spec, TwoArm(who, np.full(4_000, 0.5), value, known), 4_000, 0.05)
    assert plain.high is not None
    assert plain.low is not None
    assert helped.high is not None
    assert helped.low is not None
    assert (helped.high - helped.low) / (plain.high - plain.low) == pytest.approx(np.sqrt(0.25 / 1.25), rel=0.1)


def test_differences_are_tested_as_one_sample() -> None:
    difference = np.random.default_rng(4).normal(0.01, 0.1, 300)
    found = fixed_test(Measured("shift", "paired"), Paired(difference), 300, 0.05)
    assert found.p_harm == pytest.approx(stats.ttest_1samp(difference, 0, alternative="greater").pvalue)
    assert found.p_safe is None


def test_it_refuses_to_be_looked_at_early_and_leaves_out_what_came_late() -> None:
    with pytest.raises(FairleadError, match="planned for 600 requests and has 500"):
        fixed_test(ERRORS, one_weight(500), 600, 0.05)
    late = one_weight(500)
    first = TwoArm(late.candidate[:400], late.share[:400], late.value[:400])
    assert fixed_test(ERRORS, late, 400, 0.05) == fixed_test(ERRORS, first, 400, 0.05)


def test_no_variation_and_nobody_on_one_side_are_no_data() -> None:
    who = np.tile([True, False], 50)
    nothing = fixed_test(ERRORS, TwoArm(who, np.full(100, 0.5), np.zeros(100)), 100, 0.05)
    assert (nothing.estimate, nothing.p_safe, nothing.reason) == (None, None, "all values are the same: nothing varied")
    alone = fixed_test(ERRORS, TwoArm(np.zeros(100, dtype=bool), np.full(100, 0.5), np.ones(100)), 100, 0.05)
    assert (alone.estimate, alone.reason) == (None, "no two requests on each side")
