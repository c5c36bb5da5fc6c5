import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.monitoring.causes import numbers
from components.monitoring.causes.numbers import UNITS, find

RNG = np.random.default_rng(1)
AMOUNTS = RNG.lognormal(10, 1.2, 2000).round(-2)
LATER = RNG.lognormal(10, 1.2, 800).round(-2)


def with_holes(values, share, seed=2):
    return np.where(np.random.default_rng(seed).random(len(values)) < share, np.nan, values)


@pytest.mark.parametrize("size", [size for size, _ in UNITS])
@pytest.mark.parametrize("up", [True, False])
def test_every_unit_is_told_by_its_factor(size, up):
    found = find(AMOUNTS, LATER * size if up else LATER / size)
    assert found.name == "unit"
    assert f"{size:g}" in found.reason
    assert found.certain == (size > numbers.PLAIN)


@settings(max_examples=60)
@given(st.floats(1.0, 1.9) | st.floats(4.6, 5.5))
def test_other_factors_are_no_unit(factor):
    found = find(AMOUNTS, LATER * factor)
    assert found is None or not found.certain


def test_another_distribution_is_no_unit():
    assert find(AMOUNTS, np.random.default_rng(3).lognormal(12.3, 0.3, 800)) is None


def test_other_scales_need_a_step_to_be_faults():
    celsius = RNG.normal(12, 8, 2000)
    for now in (celsius[:800] * 1.8 + 32, celsius[:800] + 273.15):
        found = find(celsius, now)
        assert (found.name, found.certain) == ("unit", False)


def test_the_other_sign():
    assert find(AMOUNTS, -LATER).name == "sign"


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (np.full(800, np.nan), "empty"),
        (np.full(800, 5.0), "constant"),
        (np.where(RNG.random(800) < 0.05, -1, LATER), "sentinel"),
        (np.where(RNG.random(800) < 0.03, 1e9, LATER), "sentinel"),
    ],
)
def test_simple_faults_have_their_names(now, name):
    found = find(AMOUNTS, now)
    assert found.name == name
    assert found.certain


@pytest.mark.parametrize("value", [-1.0, 0.0, 9999.0, float(np.median(AMOUNTS))])
def test_missing_values_that_were_filled_are_told_by_what_with(value):
    found = find(with_holes(AMOUNTS, 0.2), np.nan_to_num(with_holes(LATER, 0.2), nan=value))
    assert found.name == "filled"
    assert f"became {value:g}:" in found.reason


def test_values_that_are_found_again_are_no_fault():
    assert find(with_holes(AMOUNTS, 0.2), LATER) is None


def test_a_count_of_none_where_one_was_the_least_may_be_so():
    counts = RNG.integers(1, 9, 2000).astype(float)
    found = find(counts, np.where(RNG.random(800) < 0.05, 0, counts[:800]))
    assert (found.name, found.certain) == ("sentinel", False)


def test_a_few_values_that_become_one_may_be_so():
    found = find(RNG.integers(0, 2, 2000).astype(float), np.zeros(800))
    assert (found.name, found.certain) == ("constant", False)


def test_ages_have_no_unit_and_a_handful_of_rows_no_fault():
    assert find(AMOUNTS, LATER * 1000, scale=False) is None
    assert find(AMOUNTS, LATER[:20] * 1000) is None
    assert find(np.full(100, np.nan), LATER) is None


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_nothing_is_found_in_halves_of_the_same_values(seed):
    order = np.random.default_rng(seed).permutation(with_holes(AMOUNTS, 0.1, seed))
    assert find(order[:600], order[600:1200]) is None
