import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rollout.statistics.effect import (
    paired,
    point_estimate,
    running_mean,
    running_regression,
    two_arm,
    weigh,
)


@given(st.floats(0.01, 0.99), st.floats(0, 1), st.tuples(*[st.floats(0, 1)] * 3).map(sorted), st.booleans())
def test_an_observation_is_within_its_range(share: float, value: float, foreseen: list[float], candidate: bool) -> None:
    least, expected, most = (np.array([x]) for x in foreseen)
    found = weigh(np.array([candidate]), np.array([share]), np.array([value]), expected, least, most)
    assert found.lowest[0] - 1e-9 <= found.value[0] <= found.highest[0] + 1e-9


@given(st.integers(0, 1000), st.floats(0.02, 0.98), st.floats(-1e3, 1e3))
def test_with_any_covariate_too(seed: int, share: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    who, value, known = rng.random(60) < share, rng.random(60), rng.normal(0, 1, 60) * scale
    found = two_arm(who, np.full(60, share), value, known)
    assert (found.lowest - 1e-9 <= found.value).all()
    assert (found.value <= found.highest + 1e-9).all()


def test_bets_depend_on_no_covariate_of_their_own_request() -> None:
    rng = np.random.default_rng(9)
    who, share, value, known = rng.random(50) < 0.5, np.full(50, 0.5), rng.random(50), rng.random(50)
    one, two = two_arm(who, share, value, known), two_arm(who, share, value, np.append(known[:49], 99.0))
    assert one.value[49] != two.value[49]
    assert (one.lowest[49], one.highest[49]) == (two.lowest[49], two.highest[49])


def test_the_mean_is_the_effect_though_weights_and_rates_drift_together() -> None:
    rng = np.random.default_rng(5)
    n = 400_000
    share = np.repeat([0.05, 0.25, 0.5, 0.5], n // 4)
    rate = np.linspace(0.02, 0.2, n)
    who = rng.random(n) < share
    value = (rng.random(n) < rate + np.where(who, 0.01, 0.0)).astype(float)
    # The plain difference takes the later requests' higher rate for the candidate's doing.
    assert value[who].mean() - value[~who].mean() > 0.04
    assert point_estimate(two_arm(who, share, value)) == pytest.approx(0.01, abs=0.003)


def test_nothing_is_expected_from_what_comes_later() -> None:
    rng = np.random.default_rng(6)
    value, known = rng.random(60), rng.random(60)
    changed = np.concatenate([value[:40], 1 - value[40:]])
    for expect in (running_mean, lambda v: running_regression(v, known)):
        assert expect(value)[:41] == pytest.approx(expect(changed)[:41])
        assert expect(value)[41:] != pytest.approx(expect(changed)[41:])


def test_a_covariate_takes_noise_out() -> None:
    rng = np.random.default_rng(7)
    known = rng.uniform(1000, 1001, 20_000)
    value = np.clip(known - 1000 + rng.normal(0, 0.05, 20_000), 0, 1)
    who, share = rng.random(20_000) < 0.5, np.full(20_000, 0.5)
    plain, helped = two_arm(who, share, value), two_arm(who, share, value, known)
    # The uniform part, 1/12, is known; the normal part is not.
    assert helped.value[1000:].var() / plain.value[1000:].var() == pytest.approx(0.0025 * 12, rel=0.2)


def test_a_covariate_that_says_nothing_or_never_varies_does_no_harm() -> None:
    value = np.random.default_rng(8).random(500)
    assert running_regression(value, np.full(500, 3.0)) == pytest.approx(running_mean(value))
    assert np.isfinite(running_regression(value, np.zeros(500))).all()


def test_differences_stay_as_they_are() -> None:
    assert paired(np.array([-0.5, 0.25])).value.tolist() == [-0.5, 0.25]
