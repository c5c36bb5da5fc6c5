import numpy as np
import pytest

from pipelines.benchmarks.naive import ever_significant, naive_z


def test_it_is_the_two_proportion_test() -> None:
    # Reference: the documentation of statsmodels' proportions_ztest: 5 of 83 against 12 of 99 give p = 0.159.
    who = np.repeat([True, False], [83, 99])[None]
    bad = np.concatenate([np.arange(83) < 5, np.arange(99) < 12]).astype(float)[None]
    z = naive_z(who, bad, np.array([181]))
    assert ever_significant(z, 0.1591).tolist() == [False]
    assert ever_significant(z, 0.1593).tolist() == [True]


def test_where_nothing_happened_nothing_is_significant() -> None:
    assert naive_z(np.ones((1, 5), dtype=bool), np.zeros((1, 5)), np.arange(5)).tolist() == [[0.0] * 5]


def test_to_look_again_and_again_finds_what_is_not_there() -> None:
    rng = np.random.default_rng(1)
    who, bad = rng.random((300, 5_000)) < 0.5, (rng.random((300, 5_000)) < 0.05).astype(float)
    once = ever_significant(naive_z(who, bad, np.array([4_999])), 0.05).mean()
    often = ever_significant(naive_z(who, bad, np.arange(99, 5_000, 100)), 0.05).mean()
    assert once == pytest.approx(0.05, abs=0.04)
    assert often > 0.2
