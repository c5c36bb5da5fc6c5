import numpy as np
import pytest
from scipy import stats

from components.rollout.statistics.assignment import log_e_mismatch
from components.rollout.statistics.betting import Stakes, log_e_above
from components.rollout.statistics.effect import weigh


def test_it_gives_the_published_figures_of_the_multinomial_test() -> None:
    # Reference: README of savvi (MIT), "Inhomogeneous Poisson Counting Process": an implementation of Lindon and
    # Malek (2022) by a conjugate Dirichlet mixture stops at n = 168 with p = 0.04675270375081281. Here the same mixture
    # is made of bets. First the draws that come before it in that document, from the same stream.
    legacy = np.random.RandomState(1)
    legacy.multinomial(1, [0.1, 0.3, 0.6], size=1000)
    tilted = np.array([0.1, 0.3, 0.6]) * [0.2, 0.3, 0.4]
    legacy.multinomial(1, tilted / tilted.sum(), size=5250)
    rates = np.array([0.8, 0.2]) * np.exp([1.5, 2.0])
    candidate = legacy.multinomial(1, rates / rates.sum(), size=1500)[:, 1] == 1
    chance, weight = _quadrature(20, 80)
    odds = chance * 0.8 / ((1 - chance) * 0.2)
    up = odds > 1
    nothing = np.zeros(1500)
    seen = weigh(candidate, np.full(1500, 0.2), np.ones(1500), nothing, nothing, nothing)
    money = np.logaddexp(
        log_e_above(seen, 0.0, Stakes(odds[up] - 1, weight[up])),
        log_e_above(seen.mirrored(), 0.0, Stakes(1 / odds[~up] - 1, weight[~up])),
    )
    p = np.minimum.accumulate(np.exp(-money))
    stop = int(np.argmax(p <= 0.05))
    assert stop + 1 == 168
    assert p[stop] == pytest.approx(0.04675270375081281, rel=1e-6)


def _quadrature(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for means under the beta distribution, by Gauss and Legendre where nearly all of it is."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    low, high = stats.beta.ppf([1e-14, 1 - 1e-14], a, b)
    chance = low + (high - low) * (nodes + 1) / 2
    return chance, weights * (high - low) / 2 * stats.beta.pdf(chance, a, b)


def test_a_right_split_stays_unrefuted_and_a_wrong_one_does_not() -> None:
    rng = np.random.default_rng(4)
    share = np.repeat([0.05, 0.25, 0.5], 1_000)
    right = log_e_mismatch(rng.random((400, 3_000)) < share, share)
    assert (right > np.log(20)).any(axis=1).mean() <= 0.05
    wrong = log_e_mismatch(rng.random((50, 3_000)) < share * 0.8, share)
    assert (wrong > np.log(20)).any(axis=1).mean() > 0.95


def test_what_was_not_randomised_says_nothing_unless_it_is_impossible() -> None:
    share = np.array([1.0, 0.0, 0.5])
    assert log_e_mismatch(np.array([True, False, True]), share)[:2].tolist() == [0.0, 0.0]
    assert np.isinf(log_e_mismatch(np.array([True, True, True]), share)[1:]).all()
