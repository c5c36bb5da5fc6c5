from dataclasses import replace

import numpy as np
import pytest

from components.judgement.mitigation.before import reweighed, separation, without_proxies
from components.judgement.mitigation.parity import favourable_rates, widest
from components.training.reweighing import weights


def gap(problem, decider, world):
    flagged = decider.flagged(decider.probability(world.x), world.codes)
    return widest(favourable_rates(flagged, np.ones(len(flagged)), world.codes, 3), problem.compared)


def test_reweighing_narrows_a_gap_that_the_labels_make(problem, fresh):
    base, half, whole = (
        gap(problem, problem.base, fresh),
        *(gap(problem, reweighed(problem, s), fresh) for s in (0.5, 1)),
    )
    assert base > half > whole
    assert whole < 0.5 * base


def test_reweighing_is_training_with_the_weights_of_training(problem, fresh):
    found = weights(problem.groups.codes, problem.data.y, problem.data.weights, 0.5)
    again = problem.decider(problem.fit(problem.weighted(found)))
    assert reweighed(problem, 0.5).probability(fresh.x).tolist() == again.probability(fresh.x).tolist()
    assert not reweighed(problem, 0.5).reads_group


def test_the_feature_that_gives_groups_away_is_left_out(boosted, fresh):
    told_apart = separation(boosted)
    assert told_apart.argmax() == 1
    assert told_apart[1] > 0.3 > 0.01 > max(told_apart[0], told_apart[2])
    decider = without_proxies(boosted, 0.5)
    assert decider.detail == "without postcode"
    other = fresh.x.copy()
    other[:, 1] = 99
    assert decider.probability(other).tolist() == decider.probability(fresh.x).tolist()
    assert gap(boosted, decider, fresh) < 0.2 * gap(boosted, boosted.base, fresh)


def test_some_feature_is_always_kept(problem):
    left_out = without_proxies(problem, 1.0).detail.removeprefix("without ").split(", ")
    assert left_out[0] == "postcode"
    assert len(left_out) == 2


def test_features_that_are_missing_or_constant_tell_nothing_apart(problem):
    x = problem.data.x.copy()
    x[:, 0], x[:, 2] = np.nan, 1.0
    x[::3, 1] = np.nan
    found = separation(replace(problem, data=replace(problem.data, x=x)))
    assert found[[0, 2]].tolist() == [0, 0]
    assert found[1] == pytest.approx(separation(problem)[1], abs=0.05)
