import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.rollout.analysis import LARGEST, analyse
from components.rollout.samples import Evidence, Measured, Paired, Sample, TwoArm
from components.rollout.statistics.restarts import STARTS

ERRORS = Measured("error_rate", "proportion", tolerated=0.005, margin=0.02)
LOSS = Measured("log_loss", "mean", margin=0.0, bound=6.9)
SHIFT = Measured("score_shift", "paired", tolerated=0.01, margin=0.05)


def of(spec: Measured, sample: Sample | None, alpha: float = 0.05) -> Evidence:
    return analyse([spec], {} if sample is None else {spec.name: sample}, alpha)[spec.name]


def rates(n: int, stable: float, candidate: float, share: float = 0.5, seed: int = 1) -> TwoArm:
    rng = np.random.default_rng(seed)
    who = rng.random(n) < share
    return TwoArm(who, np.full(n, share), (rng.random(n) < np.where(who, candidate, stable)).astype(float))


def test_harm_is_found_and_its_size_told() -> None:
    found = of(ERRORS, rates(20_000, 0.01, 0.03))
    assert found.e_harm > 1e4
    assert found.e_safe < 1
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.02 < found.high
    assert found.mean_candidate == pytest.approx(0.03, abs=0.005)
    assert found.mean_stable == pytest.approx(0.01, abs=0.005)
    assert found.n_candidate + found.n_stable == 20_000


def test_safety_is_found_of_what_is_alike() -> None:
    found = of(ERRORS, rates(20_000, 0.02, 0.02))
    assert found.e_safe > 40
    assert found.e_harm < 40


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from([0.02, 0.05, 0.2]))
def test_an_interval_clear_of_harm_or_safety_comes_with_an_e_value(
    seed: int, stable: float, candidate: float, alpha: float
) -> None:
    found = of(ERRORS, rates(400, stable, candidate, share=0.3, seed=seed), alpha)
    assert found.low is not None
    assert found.high is not None
    # Harm may be found by a later start while the interval does not show it, and not the other way round.
    if found.low > ERRORS.tolerated:
        assert found.e_harm > STARTS.first * 2 / alpha
    assert (found.high < 0.02) == (found.e_safe > 2 / alpha)
    assert found.low <= found.high


def test_units_are_those_of_the_metric() -> None:
    rng = np.random.default_rng(2)
    who = rng.random(5_000) < 0.5
    value = np.clip(rng.exponential(0.3, 5_000) + 0.2 * who, 0, 6.9)
    found = of(LOSS, TwoArm(who, np.full(5_000, 0.5), value))
    assert found.estimate == pytest.approx(0.2, abs=0.03)
    scaled = of(Measured("log_loss", "mean", margin=0.0, bound=1.0), TwoArm(who, np.full(5_000, 0.5), value / 6.9))
    assert found.e_harm == pytest.approx(scaled.e_harm, rel=1e-6)


def test_tolerance_and_margin_are_in_the_units_of_the_metric() -> None:
    rng = np.random.default_rng(5)
    who, share = rng.random(5_000) < 0.5, np.full(5_000, 0.5)
    value = np.clip(rng.exponential(0.3, 5_000), 0, 6.9)
    wide = of(Measured("log_loss", "mean", tolerated=0.069, margin=0.138, bound=6.9), TwoArm(who, share, value))
    unit = of(Measured("log_loss", "mean", tolerated=0.01, margin=0.02, bound=1.0), TwoArm(who, share, value / 6.9))
    assert wide.e_harm == pytest.approx(unit.e_harm, rel=1e-6)
    assert wide.e_safe == pytest.approx(unit.e_safe, rel=1e-6)
    assert 1 < wide.e_safe < LARGEST


def test_harm_that_begins_late_is_found_while_the_interval_still_holds_the_good_requests() -> None:
    before, after = rates(20_000, 0.005, 0.005), rates(1_000, 0.005, 0.10, seed=2)
    columns = (np.concatenate([getattr(s, name) for s in (before, after)]) for name in ("candidate", "share", "value"))
    found = of(Measured("error_rate", "proportion", tolerated=0.01, margin=0.02), TwoArm(*columns))
    assert found.e_harm > 160
    assert found.low is not None
    assert found.low < 0.01
    assert of(Measured("error_rate", "proportion", tolerated=0.01), before).e_harm < 1


def test_a_covariate_makes_more_of_the_same_requests() -> None:
    rng = np.random.default_rng(3)
    expected = rng.uniform(0, 1, 4_000)
    who = rng.random(4_000) < 0.5
    value = np.clip(expected + 0.03 * who + rng.normal(0, 0.05, 4_000), 0, 6.9)
    share, loss = np.full(4_000, 0.5), Measured("log_loss", "mean", bound=2.0)
    assert of(loss, TwoArm(who, share, value, expected)).e_harm > 1e3 * of(loss, TwoArm(who, share, value)).e_harm


def test_pairs_show_a_small_shift_soon() -> None:
    found = of(SHIFT, Paired(np.random.default_rng(4).normal(0.03, 0.02, 400)))
    assert found.e_harm > 40
    assert found.e_safe > 40
    assert (found.n_candidate, found.n_stable) == (400, 400)
    assert (found.mean_candidate, found.mean_stable) == (None, None)


def test_what_was_not_randomised_is_counted_and_not_believed() -> None:
    sample = rates(2_000, 0.05, 0.05)
    alone = TwoArm(
        np.concatenate([sample.candidate, np.ones(500, dtype=bool)]),
        np.concatenate([sample.share, np.ones(500)]),
        np.concatenate([sample.value, np.ones(500)]),
    )
    with_it, without = of(ERRORS, alone), of(ERRORS, sample)
    assert with_it.n_candidate == without.n_candidate + 500
    assert (with_it.estimate, with_it.e_harm, with_it.low) == (without.estimate, without.e_harm, without.low)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (None, "nothing was recorded"),
        (TwoArm(np.array([], dtype=bool), np.array([]), np.array([])), "no request was observed yet"),
        (TwoArm(np.zeros(9, dtype=bool), np.zeros(9), np.ones(9)), "no request reached the candidate"),
        (TwoArm(np.zeros(9, dtype=bool), np.full(9, 0.1), np.ones(9)), "no request reached the candidate"),
        (TwoArm(np.ones(9, dtype=bool), np.ones(9), np.ones(9)), "no request reached the stable model"),
        (TwoArm(np.arange(9) > 4, (np.arange(9) > 4) * 1.0, np.ones(9)), "no request was randomised"),
    ],
)
def test_no_data_is_told_with_its_probable_cause(sample: Sample | None, reason: str) -> None:
    found = of(ERRORS, sample)
    assert not found.has_data
    assert found.reason.startswith(reason)
    assert (found.e_harm, found.e_safe, found.low, found.high) == (1.0, 1.0, None, None)


def test_no_differences_yet_are_no_data() -> None:
    assert of(SHIFT, Paired(np.array([]))).reason.startswith("no request was observed yet")


def test_a_metric_without_a_margin_proves_no_safety() -> None:
    assert of(Measured("latency", "proportion"), rates(5_000, 0.5, 0.1)).e_safe == 1.0


def test_overwhelming_evidence_is_still_a_number() -> None:
    found = of(ERRORS, rates(20_000, 0.0, 1.0))
    assert found.e_harm == pytest.approx(LARGEST)
    assert Evidence.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("spec", "sample", "message"),
    [
        (ERRORS, Paired(np.zeros(3)), "kind 'proportion' and got a sample of type Paired"),
        (SHIFT, rates(5, 0.5, 0.5), "kind 'paired' and got a sample of type TwoArm"),
        (ERRORS, TwoArm(np.array([True]), np.array([0.5]), np.array([0.5])), "holds 0.5 .*allowed: 0 or 1"),
        (LOSS, TwoArm(np.array([True]), np.array([0.5]), np.array([7.5])), "holds 7.5 .*allowed: 0 to 6.9; clip"),
        (SHIFT, Paired(np.array([-1.5])), "holds -1.5 .*allowed: -1 to 1"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(spec: Measured, sample: Sample, message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        of(spec, sample)


def test_a_look_at_a_hundred_thousand_requests_is_quick() -> None:
    sample = rates(100_000, 0.01, 0.01)
    started = time.process_time()
    of(ERRORS, sample)
    assert time.process_time() - started < 1.0
