import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components.monitoring.drift import distance
from components.monitoring.drift.distance import ks_distance, ks_distance_to_unsorted

RNG = np.random.default_rng(9)
FLOATS = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(-3, 3) | st.floats(-1e300, 1e300))


def by_definition(few: np.ndarray, many: np.ndarray) -> float:
    return max(abs(float((few <= x).mean() - (many <= x).mean())) for x in [*few, *many])


@given(FLOATS, FLOATS)
@settings(max_examples=200)
def test_sorted_or_not_it_is_the_definition(few: np.ndarray, many: np.ndarray) -> None:
    assert ks_distance(np.sort(few), np.sort(many)) == pytest.approx(by_definition(few, many), abs=1e-12)
    assert ks_distance_to_unsorted(np.sort(few), many) == pytest.approx(by_definition(few, many), abs=1e-12)


DRAWS = {
    "normal": lambda n: RNG.normal(size=n),
    "shifted": lambda n: RNG.normal(0.3, size=n),
    "far values": lambda n: RNG.standard_cauchy(size=n),
    "many scales": lambda n: np.exp(6 * RNG.normal(size=n)),
    "rounded": lambda n: np.round(RNG.normal(size=n), 1),
    "half of it one value": lambda n: np.where(RNG.random(n) < 0.5, 0.0, RNG.normal(size=n)),
    "single precision": lambda n: RNG.normal(size=n).astype(np.float32),
    "whole numbers": lambda n: RNG.poisson(3, size=n),
    "infinite": lambda n: np.where(RNG.random(n) < 0.01, -np.inf, RNG.normal(size=n)),
    "one value": lambda n: np.zeros(n),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("other", ["normal", "shifted", "rounded", "half of it one value"])
def test_a_long_sample_need_not_be_sorted(kind: str, other: str) -> None:
    few, many = np.sort(DRAWS[kind](3_000)), DRAWS[other](40_000)
    assert ks_distance_to_unsorted(few, many) == ks_distance(few, np.sort(many))


def test_hardly_any_of_it_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    sorted_values = []
    sort = np.sort
    monkeypatch.setattr(distance.np, "sort", lambda values: sorted_values.append(len(values)) or sort(values))
    few, many = sort(RNG.normal(size=20_000)), RNG.normal(size=100_000)
    ks_distance_to_unsorted(few, many)
    assert sum(sorted_values) < 10_000
