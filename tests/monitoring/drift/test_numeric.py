import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from components.monitoring.drift import numeric
from components.monitoring.drift.effect import Effect
from components.monitoring.drift.numeric import Samples, samples

RNG = np.random.default_rng(11)
VALUES = hnp.arrays(np.float64, st.integers(2, 80), elements=st.integers(-9, 9) | st.floats(-1e6, 1e6))
ROUNDED = hnp.arrays(np.float64, st.integers(2, 80), elements=st.integers(-3, 3))


def pair(reference: np.ndarray, current: np.ndarray) -> Samples:
    return samples(pl.Series(reference), pl.Series(current))


@given(VALUES | ROUNDED, VALUES | ROUNDED)
@settings(max_examples=200)
def test_ks_is_scipys(reference: np.ndarray, current: np.ndarray) -> None:
    theirs = stats.ks_2samp(reference, current, method="asymp")
    found = numeric.ks(pair(reference, current))
    assert found.size == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.02, 0.04])
def test_the_limit_law_is_near_the_finite_one_and_never_below(shift: float) -> None:
    reference, current = RNG.normal(size=30_000), RNG.normal(shift, size=5_000)
    theirs = stats.ks_2samp(reference, current, method="asymp").pvalue
    ours = numeric.ks(pair(reference, current)).p_value
    assert ours is not None
    assert theirs <= ours <= 1.04 * theirs


@given(VALUES | ROUNDED, VALUES | ROUNDED)
def test_wasserstein_is_scipys_in_standard_deviations(reference: np.ndarray, current: np.ndarray) -> None:
    found = numeric.wasserstein(pair(reference, current))
    if reference.min() == reference.max():
        assert found.size is None
        assert "one value only" in found.reason
        return
    theirs = stats.wasserstein_distance(reference, current) / np.std(np.sort(reference))
    assert found.size == pytest.approx(theirs)


def test_cramer_von_mises_is_scipys_on_a_scale_of_its_own() -> None:
    reference, current = RNG.normal(size=700), RNG.normal(0.4, size=500)
    found = numeric.cramer_von_mises(pair(reference, current))
    theirs = stats.cramervonmises_2samp(reference, current, method="asymptotic")
    assert found.p_value == pytest.approx(theirs.pvalue)
    both = np.concatenate([reference, current])
    f, g = (np.searchsorted(np.sort(side), both, side="right") / len(side) for side in (reference, current))
    assert found.size == pytest.approx(math.sqrt(np.mean((f - g) ** 2)))


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("ks", 2 * stats.norm.cdf(0.25) - 1),
        ("psi", 0.25),
        ("kl", 0.125),
        ("wasserstein", 0.5),
        ("jensen_shannon", math.sqrt(0.25 / (8 * math.log(2)))),
        ("cramer_von_mises", 0.5 / math.sqrt(2 * math.pi * math.sqrt(3))),
    ],
)
def test_a_shift_by_half_a_standard_deviation_is_what_the_thresholds_say(test: str, expected: float) -> None:
    grid = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = numeric.tests[test](pair(grid, grid + 0.5))
    # Ten bins see less than the whole curve; the formulas for small shifts are off by as much.
    assert found.size == pytest.approx(expected, rel=0.12)


def test_single_and_double_precision_are_compared_as_single() -> None:
    doubles = RNG.normal(size=5_000)
    found = samples(pl.Series(doubles), pl.Series(doubles.astype(np.float32)))
    assert found.current.dtype == np.float32
    assert numeric.ks(found).size == 0


def test_integers_with_missing_values_stay_integers() -> None:
    big = 2**53 + 1
    found = samples(pl.Series([big, None, 1]), pl.Series([big]))
    assert found.reference.tolist() == [1, big]
    assert found.reference.dtype == np.int64


def test_dates_and_booleans_are_numbers() -> None:
    days = pl.Series(["2004-01-02", None], dtype=pl.String).str.to_date()
    assert samples(days, days).current.tolist() == [12419]
    times = days.cast(pl.Datetime("ms")).dt.offset_by("5h")
    assert samples(days, times).current.tolist() == [12419]
    assert samples(pl.Series([True, False]), pl.Series([True])).reference.tolist() == [0, 1]


def test_infinite_values_are_ranks_and_no_lengths() -> None:
    reference, current = np.arange(1000.0), np.append(np.arange(999.0), np.inf)
    assert numeric.ks(pair(reference, current)).size == pytest.approx(0.001)
    assert numeric.wasserstein(pair(reference, current)).size is None


@pytest.mark.parametrize("test", [numeric.psi, numeric.jensen_shannon, numeric.kl])
def test_one_single_bin_cannot_tell(test: Callable[[Samples], Effect]) -> None:
    found = test(pair(np.zeros(500), np.ones(500)))
    assert found.size is None
    assert "see ks" in found.reason
    assert numeric.ks(pair(np.zeros(500), np.ones(500))).size == 1


def test_a_flood_of_zeros_is_seen_though_one_value_was_nearly_all() -> None:
    reference = np.array([1.0] * 990 + [0.0] * 10)
    current = np.array([1.0] * 500 + [0.0] * 500)
    found = numeric.psi(pair(reference, current)).size
    assert found == pytest.approx((0.5 - 0.01) * math.log(50) + (0.5 - 0.99) * math.log(0.5 / 0.99))
