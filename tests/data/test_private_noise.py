"""Mechanisms against textbook scales and published accountants' figures; OpenDP's noise cannot be seeded."""

import math

import numpy as np
import pytest
from dp_accounting import GaussianDpEvent, LaplaceDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from hypothesis import given, settings
from hypothesis import strategies as st

from components.data.private_noise import (
    Measure,
    accuracy,
    counts,
    epsilon_of,
    quantile,
    rank_accuracy,
    rho_of,
    total,
)

MEASURES: tuple[Measure, ...] = ("epsilon", "rho")


def test_scales_are_those_of_the_textbooks() -> None:
    """Laplace: sensitivity / epsilon (Dwork and Roth 2014, theorem 3.6); Gaussian: rho = sensitivity² / (2 sigma²) (Bun
    and Steinke 2016, proposition 1.6)."""
    assert counts([0], 1, 0.1, "epsilon").scale == pytest.approx(10)
    assert counts([0, 1, 2], 3, 0.1, "epsilon").scale == pytest.approx(10)  # one row is in one count
    assert counts([0], 1, 0.02, "rho").scale == pytest.approx(5)
    assert total(np.ones(3), 7.0, 0.1, "epsilon").scale == pytest.approx(70)
    assert total(np.ones(3), 7.0, 0.02, "rho").scale == pytest.approx(35)


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_loses_more_than_it_may(measure: Measure) -> None:
    values = np.arange(100.0)
    for loss in (1e-3, 0.1, 0.3, 1.0, 7.0):
        for found in (
            counts([0, 1], 2, loss, measure),
            total(values, 100.0, loss, measure),
            quantile(values, 0.3, range(100), loss, measure),
        ):
            assert 0.999 * loss <= found.loss <= loss


@pytest.mark.parametrize("measure", MEASURES)
def test_noise_is_as_wide_as_it_is_told(measure: Measure) -> None:
    """400 counts: the deviation within a fifth, and the interval misses in about a twentieth."""
    loss = 0.5 if measure == "epsilon" else 0.1
    found = counts([c for c in range(400) for _ in range(50)], 400, loss, measure)
    errors = np.array(found.values) - 50
    deviation = found.scale * (math.sqrt(2) if measure == "epsilon" else 1)
    assert abs(errors.mean()) < 5 * deviation / 20
    assert errors.std() == pytest.approx(deviation, rel=0.25)
    missed = np.mean(np.abs(errors) > accuracy(found.scale, measure, whole=True))
    assert missed < 0.12


@pytest.mark.parametrize("measure", MEASURES)
def test_a_sum_cuts_off_what_is_beyond_and_lies_within_its_interval(measure: Measure) -> None:
    values = np.concatenate([np.full(500, 1.5), np.full(500, 1e9)])
    found = [total(values, 2.0, 0.5, measure) for _ in range(60)]
    errors = np.array([f.values[0] for f in found]) - (500 * 1.5 + 500 * 2.0)
    assert np.mean(np.abs(errors) > accuracy(found[0].scale, measure, whole=False)) < 0.25
    assert np.abs(errors).max() < 12 * found[0].scale * 2


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("level", [0.1, 0.5])
def test_a_quantile_lies_within_its_ranks(measure: Measure, level: float) -> None:
    values = np.arange(1000.0)
    found = [quantile(values, level, range(1000), 0.2, measure) for _ in range(40)]
    within = rank_accuracy(found[0].scale, 1000)
    # The score weighs rows below by 1 - level and rows above by level, which is the distance in ranks.
    missed = [abs(f.values[0] - 1000 * level) > within + 1 for f in found]
    assert np.mean(missed) < 0.25
    assert {f.values[0] for f in found} <= set(range(1000))


def test_no_noise_is_drawn_twice() -> None:
    drawn = {counts([0] * 1000, 1, 0.01, "epsilon").values for _ in range(20)}
    assert len(drawn) > 10


def test_published_epsilons_of_an_accountant() -> None:
    """10,000 examples, batches of 64, noise multiplier 2 with microbatches (so 1 by sensitivity), 5 epochs, delta 1e-6.

    Source: the statement in compute_dp_sgd_privacy_lib_test.py of TensorFlow Privacy: 13.376 with each example once in
    an epoch, 1.616 with Poisson sampling. Ours is by all orders and not by a list of them, hence a little less.
    """
    delta = 1e-6
    once = RdpAccountant().compose(SelfComposedDpEvent(GaussianDpEvent(1.0), 5))
    assert once.get_epsilon(delta) == pytest.approx(13.376, abs=5e-4)
    sampled = PoissonSampledDpEvent(64 / 10_000, GaussianDpEvent(1.0))
    steps = math.ceil(5 * 10_000 / 64)
    drawn = RdpAccountant().compose(SelfComposedDpEvent(sampled, steps))
    assert drawn.get_epsilon(delta) == pytest.approx(1.616, abs=5e-4)
    # Five Gaussian answers with deviation 1 lose a half of rho each.
    assert epsilon_of(5 * 0.5, delta) == pytest.approx(13.376, abs=5e-3)


def test_adding_epsilons_up_is_what_an_accountant_finds_at_the_smallest_delta() -> None:
    """Basic composition (Dwork et al. 2006) is tight for Laplace's noise at delta 0."""
    seven = PLDAccountant().compose(SelfComposedDpEvent(LaplaceDpEvent(10.0), 7))
    assert seven.get_epsilon(1e-12) == pytest.approx(7 * 0.1, rel=1e-6)
    assert counts([0], 1, 0.1, "epsilon").scale == pytest.approx(10.0)


@settings(deadline=None)
@given(st.floats(1e-4, 20), st.sampled_from([1e-4, 1e-6, 1e-9]))
def test_rho_and_epsilon_by_the_papers(rho: float, delta: float) -> None:
    """Not above Bun and Steinke 2016, proposition 1.3, and equal to Canonne, Kamath and Steinke 2020, corollary 13."""
    found = epsilon_of(rho, delta)
    assert found <= rho + 2 * math.sqrt(rho * math.log(1 / delta))
    orders = 1 + np.geomspace(1e-3, 1e5, 200_001)
    shrink = np.log1p(-1 / orders) + (math.log(1 / delta) - np.log(orders)) / (orders - 1)
    assert found == pytest.approx(max(0.0, float((orders * rho + shrink).min())), rel=1e-4, abs=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.01, 10), st.sampled_from([1e-5, 1e-8]))
def test_back_and_forth(epsilon: float, delta: float) -> None:
    rho = rho_of(epsilon, delta)
    assert epsilon_of(rho, delta) <= epsilon
    assert epsilon_of(rho * 1.001, delta) > epsilon * 0.9999


def test_concentrated_accounting_is_no_worse_than_advanced_composition() -> None:
    """Theorem 3.20 of Dwork and Roth 2014, for a thousand answers of epsilon 0.01 each; each loses epsilon² / 2 of rho
    (Bun and Steinke 2016, proposition 1.4)."""
    k, single, delta = 1000, 0.01, 1e-6
    advanced = math.sqrt(2 * k * math.log(1 / delta)) * single + k * single * math.expm1(single)
    assert advanced == pytest.approx(1.7628, abs=1e-4)
    assert epsilon_of(k * single**2 / 2, delta) < advanced < k * single
