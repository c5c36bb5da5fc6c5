import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.judgement.mitigation.parity import counted, favourable_rates, widest

rows = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 4)), min_size=1, max_size=40)


@settings(deadline=None)
@given(rows)
def test_a_rate_is_the_share_of_weight_that_is_not_flagged(rows):
    codes, flagged, weights = (np.array(c) for c in zip(*rows, strict=True))
    rates = favourable_rates(flagged.astype(float), weights.astype(float), codes, 3)
    for g in range(3):
        mine = codes == g
        if mine.any():
            assert rates[g] == pytest.approx(np.average(~flagged[mine], weights=weights[mine]))
        else:
            assert np.isnan(rates[g])


def test_a_whole_number_of_rows_counts_like_so_many_rows():
    codes, flagged = np.array([0, 0, 1]), np.array([1.0, 0.0, 1.0])
    twice = favourable_rates(np.repeat(flagged, [1, 3, 2]), np.ones(6), np.repeat(codes, [1, 3, 2]), 2)
    assert favourable_rates(flagged, np.array([1.0, 3.0, 2.0]), codes, 2).tolist() == twice.tolist() == [0.75, 0.0]


def test_equal_opportunity_looks_at_good_outcomes_alone():
    labels = np.array([0.0, 1.0, 0.0])
    assert counted(labels, "equal_opportunity").tolist() == [True, False, True]
    assert counted(labels, "demographic_parity").all()


def test_groups_that_are_not_compared_do_not_widen_the_gap():
    assert widest(np.array([0.5, 0.6, np.nan]), np.array([0, 1])) == pytest.approx(0.1)
