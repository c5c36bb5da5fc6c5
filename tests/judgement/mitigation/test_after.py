from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.judgement.mitigation.after import Curve, cheapest_window, group_thresholds, one_threshold
from components.judgement.mitigation.parity import counted, favourable_rates, widest


def gap(problem, decider):
    rows = problem.unseen
    seen = counted(rows.labels, problem.criterion)
    flagged = decider.flagged(rows.probability, rows.codes)[seen]
    return widest(favourable_rates(flagged, rows.weights[seen], rows.codes[seen], 3), problem.compared)


def expected_cost(problem, decider):
    rows, t = problem.unseen, problem.training
    flagged = decider.flagged(rows.probability, rows.codes) == 1
    p = rows.probability
    return float(np.where(flagged, (1 - p) * t.cost_false_positive, p * t.cost_false_negative).sum())


@pytest.mark.parametrize("which", ["problem", "boosted"])
@pytest.mark.parametrize("way", [one_threshold, group_thresholds])
@pytest.mark.parametrize("strength", [0.25, 0.75, 1.0])
def test_the_limit_holds_on_the_rows_it_was_sought_on(which, way, strength, request):
    problem = request.getfixturevalue(which)
    assert gap(problem, way(problem, strength)) <= max((1 - strength) * problem.gap(), 0.005) + 1e-9


def test_thresholds_by_group_are_never_dearer_than_one_for_all(problem):
    for strength in (0.25, 0.5, 1.0):
        one, several = one_threshold(problem, strength), group_thresholds(problem, strength)
        assert expected_cost(problem, several) <= expected_cost(problem, one) + 1e-6
        assert not one.reads_group
        assert several.reads_group


def test_who_came_off_worse_gets_the_higher_threshold(problem):
    favoured, other, few = group_thresholds(problem, 1.0).thresholds
    assert favoured < 0.25 < other
    assert few == 0.25


def test_the_score_stays_the_baselines(problem, fresh):
    assert group_thresholds(problem, 1.0).probability(fresh.x).tolist() == problem.base.probability(fresh.x).tolist()


def curve(rates, costs):
    rates = np.sort(np.append(rates, 1.0))
    return Curve(np.linspace(0.1, 0.9, len(rates)), rates, np.append(costs, 5.0))


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10)), min_size=1, max_size=5).map(
            lambda pairs: curve([p[0] for p in pairs], [p[1] for p in pairs])
        ),
        min_size=2,
        max_size=3,
    ),
    st.floats(0, 0.5),
)
def test_no_choice_within_the_limit_is_cheaper(curves, width):
    """Against trying every choice there is."""
    chosen = cheapest_window(curves, width)
    places = [int(np.flatnonzero(c.thresholds == t)[0]) for c, t in zip(curves, chosen, strict=True)]
    assert np.ptp([c.rates[i] for c, i in zip(curves, places, strict=True)]) <= width + 1e-9
    every = product(*(range(len(c.rates)) for c in curves))
    allowed = [
        sum(float(c.costs[i]) for c, i in zip(curves, choice, strict=True))
        for choice in every
        if np.ptp([c.rates[i] for c, i in zip(curves, choice, strict=True)]) <= width
    ]
    assert sum(float(c.costs[i]) for c, i in zip(curves, places, strict=True)) <= min(allowed) + 1e-9
