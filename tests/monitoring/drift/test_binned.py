import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import distance
from scipy.stats import entropy

from components.monitoring.drift import binned
from components.monitoring.drift.binned import Counts

DIVERGENCES = [binned.psi, binned.kl, binned.jensen_shannon]
FULL = st.integers(1, 12).flatmap(lambda k: st.tuples(*(hnp.arrays(np.int64, k, elements=st.integers(1, 999)),) * 2))
ANY = st.integers(1, 12).flatmap(lambda k: st.tuples(*(hnp.arrays(np.int64, k, elements=st.integers(0, 9)),) * 2))


@given(FULL)
def test_they_are_the_textbooks_where_no_cell_is_empty(both: tuple[Counts, Counts]) -> None:
    r, c = (side / side.sum() for side in both)
    assert binned.kl(*both) == pytest.approx(entropy(c, r), abs=1e-12)
    assert binned.psi(*both) == pytest.approx(entropy(c, r) + entropy(r, c), abs=1e-12)
    # scipy's own divergence of equal sides can come out as the root of a rounding error, or NaN.
    theirs = np.nan_to_num(distance.jensenshannon(r, c, base=2))
    assert binned.jensen_shannon(*both) == pytest.approx(theirs, abs=1e-6)


@given(ANY)
def test_they_are_finite_and_never_negative_whatever_is_empty(both: tuple[Counts, Counts]) -> None:
    if not (both[0].sum() and both[1].sum()):
        return
    for divergence in DIVERGENCES:
        assert 0 <= divergence(*both) < 100
        assert divergence(both[0], both[0] * 3) == pytest.approx(0, abs=1e-7)
    assert binned.psi(*both) == pytest.approx(binned.psi(*both[::-1]))
    assert binned.jensen_shannon(*both) == pytest.approx(binned.jensen_shannon(*both[::-1]))
    assert binned.jensen_shannon(*both) <= 1 + 1e-12


def test_an_empty_cell_counts_as_half_a_row_and_does_not_explode() -> None:
    reference, current = np.array([100, 900]), np.array([0, 1000])
    by_hand = (0.0005 - 0.1) * math.log(0.0005 / 0.1) + (1 - 0.9) * math.log(1 / 0.9)
    assert binned.psi(reference, current) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.54, abs=0.01)
    assert binned.kl(reference, current) == pytest.approx(math.log(1 / 0.9))
    assert binned.kl(current, reference) == pytest.approx(0.1 * math.log(0.1 / 0.0005) + 0.9 * math.log(0.9))


def test_a_sample_without_ties_is_cut_into_equal_bins() -> None:
    values = np.sort(np.random.default_rng(1).normal(size=1000))
    edges = binned.quantile_edges(values, 10)
    assert binned.count(values, edges).tolist() == [100] * 10
    # numpy's definition of an observed quantile.
    assert edges.tolist() == np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf").tolist()


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(-4, 4)), st.integers(2, 12))
def test_no_bin_lacks_reference_rows_and_none_are_lost(values: np.ndarray, bins: int) -> None:
    values = np.sort(values)
    edges = binned.quantile_edges(values, bins)
    counts = binned.count(values, edges)
    assert counts.sum() == len(values)
    assert (counts > 0).all()
    assert len(counts) <= bins
    assert (np.diff(edges) > 0).all()
    assert (len(edges) == 0) == (values[0] == values[-1])


@given(st.integers(1, 999))
def test_a_frequent_value_has_a_bin_of_its_own(many: int) -> None:
    values = np.sort(np.array([0.0] * 1000 + list(range(-many, 0)) + list(range(1, 1000 - many))))
    edges = binned.quantile_edges(values)
    counts = binned.count(values, edges)
    assert 1000 in counts.tolist()
