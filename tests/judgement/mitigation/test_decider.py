import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.judgement.mitigation.decider import Decider

share = st.floats(0.001, 0.999)


@settings(deadline=None)
@given(st.lists(st.tuples(share, st.integers(0, 1)), min_size=1, max_size=30), share, share)
def test_one_threshold_on_the_moved_score_gives_the_same_decisions(rows, first, second):
    p, codes = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    decider = Decider(lambda x: x[:, 0], np.array([first, second]))
    flagged = decider.flagged(p, codes) == 1
    at_edge = np.isclose(p, decider.thresholds[codes], rtol=1e-9)
    if decider.reads_group:
        assert np.array_equal((decider.ranked(p, codes) >= 0.5)[~at_edge], flagged[~at_edge])
    else:
        assert decider.ranked(p, codes) is p


def test_thresholds_above_1_flag_nobody_and_still_rank():
    decider = Decider(lambda x: x[:, 0], np.array([2.0, 0.5]))
    p, codes = np.array([0.2, 0.9, 0.9]), np.array([0, 0, 1])
    assert decider.flagged(p, codes).tolist() == [0, 0, 1]
    ranked = decider.ranked(p, codes)
    assert ranked[0] < ranked[1] < 0.5 < ranked[2]


def test_only_different_thresholds_read_the_group():
    assert not Decider(lambda x: x[:, 0], np.array([0.3, 0.3])).reads_group
    assert Decider(lambda x: x[:, 0], np.array([0.3, 0.4])).reads_group
