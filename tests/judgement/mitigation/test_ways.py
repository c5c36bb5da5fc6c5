import numpy as np
import pytest

from components.core.errors import FairleadError
from components.judgement.mitigation import lawful
from components.judgement.mitigation.ways import NAMES, WAYS, way


@pytest.mark.parametrize("name", NAMES)
def test_every_way_keeps_the_same_contract(name, boosted, fresh):
    """The same problem twice gives the same decider: scores between 0 and 1, a threshold for each group."""
    found, again = (way(name).run(boosted, 0.5) for _ in range(2))
    p = found.probability(fresh.x)
    assert p.shape == (len(fresh.x),)
    assert ((p >= 0) & (p <= 1)).all()
    assert found.thresholds.shape == (3,)
    assert np.array_equal(p, again.probability(fresh.x))
    assert found.thresholds.tolist() == again.thresholds.tolist()
    assert set(np.unique(found.flagged(p, fresh.codes))) == {0.0, 1.0}


def test_there_is_a_way_before_during_and_after():
    assert set(WAYS) == set(NAMES)
    assert {w.stage for w in WAYS.values()} == {"before", "during", "after"}


def test_only_thresholds_by_group_are_said_to_treat_people_differently(problem):
    for name, found in WAYS.items():
        assert found.run(problem, 1.0).reads_group == (found.lawful == lawful.BY_GROUP) == (name == "group_thresholds")


def test_an_unknown_way_is_named():
    with pytest.raises(FairleadError, match="unknown way of mitigation 'prayer'; allowed: reweighing, without_proxies"):
        way("prayer")
