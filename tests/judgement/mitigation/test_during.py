import numpy as np
import pytest

from components.judgement.mitigation.during import constrained
from components.judgement.mitigation.parity import counted, favourable_rates, widest


def gap(problem, decider, world):
    seen = counted(world.y, problem.criterion)
    flagged = decider.flagged(decider.probability(world.x), world.codes)[seen]
    return widest(favourable_rates(flagged, np.ones(len(flagged)), world.codes[seen], 3), problem.compared)


@pytest.mark.parametrize("which", ["problem", "boosted"])
def test_the_gap_narrows_without_the_group_at_hand(which, fresh, request):
    problem = request.getfixturevalue(which)
    base = gap(problem, problem.base, fresh)
    decider = constrained(problem, 1.0)
    assert gap(problem, decider, fresh) < 0.4 * base
    assert not decider.reads_group
    # One score for one row, every time: no decision by lot.
    assert decider.probability(fresh.x).tolist() == decider.probability(fresh.x).tolist()
    p = decider.probability(fresh.x)
    assert ((p > 0) & (p < 1)).all()
    assert len(np.unique(p)) > 100


def test_a_weak_limit_leaves_more_of_the_gap(problem, fresh):
    assert gap(problem, constrained(problem, 0.25), fresh) > gap(problem, constrained(problem, 1.0), fresh)


def test_probabilities_are_calibrated_like_every_models(problem):
    p = constrained(problem, 1.0).probability(problem.data.later_x)
    assert p.mean() == pytest.approx(problem.data.later_y.mean(), abs=0.01)
