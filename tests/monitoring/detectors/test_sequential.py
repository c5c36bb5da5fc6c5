import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.monitoring.detectors.detector import Baseline
from components.monitoring.detectors.sequential import ALPHA, Money, Sequential
from components.rollout.statistics.betting import Payoffs
from components.rollout.statistics.restarts import Starts, log_e_above_restarted


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=4),
    st.floats(0, 1),
    st.booleans(),
    st.integers(1, 20),
)
@settings(deadline=None)
def test_money_in_parts_is_what_the_bets_of_rollouts_make(
    values: list[float], cuts: list[int], null: float, rising: bool, every: int
) -> None:
    starts = Starts(every=every)
    z, one = np.array(values), np.ones(len(values))
    payoffs = Payoffs(z, 0 * one, one, one)
    wanted = (
        log_e_above_restarted(payoffs, null, starts=starts)
        if rising
        else log_e_above_restarted(payoffs.mirrored(), -null, starts=starts)
    )
    money = Money(null, rising, starts=starts)
    parts = [part for part in np.split(z, sorted(min(c, len(z)) for c in cuts)) if len(part)]
    assert np.concatenate([money.bet(part) for part in parts]) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("wild", [False, True])
def test_the_promise_holds_over_all_looks(wild: bool) -> None:
    """500 streams whose mean is at the edge of what is tolerated, 3,000 looks each; rare values far off or 0 and 1."""
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(500):
        values = rng.beta(0.05, 0.95, 3000) if wild else (rng.random(3000) < 0.05)
        false += bool(Sequential(Baseline(0.04, 0.01), "both", alpha=0.1).run(values.astype(float)))
    # Twice as many as promised would be 100; three standard deviations above the promise are 70.
    assert false <= 70


def test_a_mean_that_moves_within_what_is_tolerated_is_no_drift() -> None:
    rng = np.random.default_rng(6)
    mean = 0.1 + 0.02 * np.sin(np.arange(20_000) / 500)
    values = (rng.random(20_000) < mean).astype(float)
    assert Sequential(Baseline(0.1, 0.02), "both").run(values) == []


def test_a_late_change_is_found_soon() -> None:
    rng = np.random.default_rng(7)
    values = np.concatenate([rng.random(20_000) < 0.05, rng.random(2_000) < 0.10]).astype(float)
    found = Sequential(Baseline(0.05, 0.01)).run(values)
    assert 20_000 < found[0] < 21_500


def test_drift_is_not_forgotten() -> None:
    detector = Sequential(Baseline(0.1))
    assert len(detector.run([1.0] * 50)) == 1
    assert detector.run([0.0] * 1000) == []
    assert detector.state == "drift"
    assert detector.log_e < -math.log(ALPHA)


@pytest.mark.parametrize(("mean", "alpha"), [(1.5, 0.01), (-0.1, 0.01), (0.5, 0.0), (0.5, 1.0)])
def test_wrong_settings_are_refused(mean: float, alpha: float) -> None:
    with pytest.raises(FairleadError, match="allowed"):
        Sequential(Baseline(mean), alpha=alpha)
