import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.core.contracts import FloatArray
from components.rollout.statistics.betting import STAKES, Payoffs, Stakes, Upward, bell, log_e_above
from components.rollout.statistics.effect import paired, weigh


def in_one(size: float) -> Stakes:
    return Stakes(np.array([size]), np.array([1.0]))


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.floats(-0.9, 0.9),
    st.floats(0.01, 60),
)
def test_money_grows_as_bets_say(values: list[float], null: float, size: float) -> None:
    # The definition of a bet, written out: 1 + bet * (z - null), one after the other.
    bet = 1 / (1 / size + 1 + null)
    money = np.cumprod([1 + bet * (z - null) for z in values])
    assert np.exp(log_e_above(paired(np.array(values)), null, in_one(size))) == pytest.approx(money, rel=1e-6)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.floats(-0.99, 0.99))
def test_the_last_look_alone_says_the_same(values: list[float], null: float) -> None:
    payoffs = paired(np.array(values))
    assert Upward(payoffs).log_e(null) == pytest.approx(log_e_above(payoffs, null)[-1], abs=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.floats(-0.99, 0.9), st.floats(0, 0.09))
def test_a_higher_null_is_refuted_less(values: list[float], null: float, more: float) -> None:
    upward = Upward(paired(np.array(values)))
    assert upward.log_e(null + more) <= upward.log_e(null) + 1e-12


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("expected", [0.0, 0.02, 0.7, 1.0])
@pytest.mark.parametrize("rate", [0.0, 0.03, 0.5, 1.0])
def test_no_bet_gains_on_average_while_the_null_is_true(share: float, expected: float, rate: float) -> None:
    # All four outcomes of one request with their probabilities: the mean of the factor is summed exactly.
    who = np.array([True, True, False, False])
    value = np.array([1.0, 0.0, 1.0, 0.0])
    chance = np.where(who, share, 1 - share) * np.where(value == 1, rate, 1 - rate)
    foreseen = np.full(4, expected)
    payoffs = weigh(who, np.full(4, share), value, foreseen, foreseen, foreseen)
    assert float(chance @ payoffs.value) == pytest.approx(0, abs=1e-12)
    for null in (0.0, 0.1):
        for size in STAKES.size:
            factor = np.exp(
                [
                    log_e_above(Payoffs(*(np.atleast_1d(part[i]) for part in _parts(payoffs))), null, in_one(size))[0]
                    for i in range(4)
                ]
            )
            assert (factor > 0).all()
            assert float(chance @ factor) <= 1 + 1e-9


def _parts(payoffs: Payoffs) -> tuple[FloatArray, ...]:
    return payoffs.value, payoffs.lowest, payoffs.highest, payoffs.precision


@pytest.mark.parametrize("ratio", [1.25, 2.0, 5.0])
def test_without_an_expectation_it_is_the_likelihood_ratio_of_whose_bad_events_are(ratio: float) -> None:
    # Lindon and Malek (2022): a bad event is the candidate's with the odds share / (1 - share) times the rate ratio.
    rng = np.random.default_rng(3)
    share = np.repeat([0.05, 0.25, 0.5], 400)
    who, bad = rng.random(1200) < share, (rng.random(1200) < 0.1).astype(float)
    chance = share * ratio / (share * ratio + 1 - share)
    each = np.where(bad == 1, np.where(who, stats.bernoulli.logpmf(1, chance), stats.bernoulli.logpmf(0, chance)), 0.0)
    null = np.where(bad == 1, np.where(who, np.log(share), np.log1p(-share)), 0.0)
    nothing = np.zeros(1200)
    found = log_e_above(weigh(who, share, bad, nothing, nothing, nothing), 0.0, in_one(ratio - 1))
    assert found == pytest.approx(np.cumsum(each - null))


def test_a_tolerance_costs_with_every_request_without_harm() -> None:
    none = np.zeros(50)
    harmless = weigh(np.ones(50, dtype=bool), np.full(50, 0.5), none, none, none, none)
    assert (np.diff(log_e_above(harmless, 0.01)) < 0).all()
    assert log_e_above(harmless, 0.0) == pytest.approx(np.zeros(50))


def test_runs_side_by_side_are_runs_one_by_one() -> None:
    values = np.random.default_rng(1).uniform(-1, 1, (3, 50))
    together = log_e_above(paired(values), 0.0, looks=np.array([9, 49]))
    for run in range(3):
        assert together[run] == pytest.approx(log_e_above(paired(values[run]), 0.0)[[9, 49]])


def test_large_shares_of_nothing_overflow_nowhere() -> None:
    share = np.full(320, 1e-6)
    nothing = np.zeros(320)
    payoffs = weigh(np.ones(320, dtype=bool), share, np.ones(320), nothing, nothing, nothing)
    assert np.isfinite(Upward(payoffs).log_e(0.0))


def test_stakes_spend_all_the_money() -> None:
    assert float(bell(4, 1.0).weight.sum()) == pytest.approx(1)
