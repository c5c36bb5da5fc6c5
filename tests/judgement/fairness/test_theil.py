import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.judging import Fairness
from components.judgement.fairness.comparison import compare
from components.judgement.fairness.libraries import aif360_metrics
from components.judgement.fairness.theil import BENEFITS, between, figures, overall, theil, theil_between
from tests.judgement.fairness.people import people

counts = st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=2, max_size=5).map(lambda rows: np.array(rows, float))


@settings(deadline=None, max_examples=20)
@given(st.tuples(*[st.integers(1, 9)] * 4), st.tuples(*[st.integers(1, 9)] * 4))
def test_it_is_the_index_of_aif360(one, other):
    rows, groups = people("g", {"a": one, "b": other})
    [(_, metric)] = aif360_metrics(rows, groups, against=0)
    rng = np.random.default_rng(1)
    assert overall(rows, 10, rng).value == pytest.approx(metric.theil_index(), abs=1e-12)
    assert between(rows, groups, 10, rng).value == pytest.approx(metric.between_group_theil_index(), abs=1e-12)


@given(counts.filter(lambda c: (c @ BENEFITS).sum() > 0))
def test_what_lies_between_groups_and_within_them_is_the_whole(found):
    """Additive decomposition (Shorrocks, Econometrica 48, 1980): shares of all benefits weigh the groups."""
    benefits = found @ BENEFITS
    kept, mine = found[benefits > 0], benefits[benefits > 0]
    within = float((mine / benefits.sum() * theil(kept)).sum())
    assert float(theil_between(found)) + within == pytest.approx(float(theil(found.sum(axis=0))), abs=1e-9)
    assert float(theil_between(found)) >= -1e-12


def test_the_interval_of_the_index_holds_the_truth():
    rng = np.random.default_rng(5)
    chances = np.array([0.2, 0.7, 0.1])
    truth, held = float(theil(chances)), []
    for _ in range(200):
        wronged, right, favoured = rng.multinomial(500, chances)
        rows, _ = people("g", {"a": (int(right), int(favoured), int(wronged), 0)})
        found = overall(rows, 200, rng)
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.91


def test_nobody_with_any_benefit_is_no_data():
    rows, groups = people("g", {"a": (0, 0, 150, 0), "b": (0, 0, 150, 0)})
    found = figures(rows, [compare(rows, groups, Fairness())], 10, 7)
    assert [(f.name, f.of, f.estimate.value) for f in found] == [
        ("theil_index", "all", None),
        ("theil_between", "g", None),
    ]
    assert all(f.reason.startswith("not enough data: ") for f in found)


def test_one_group_alone_has_no_part_between_groups():
    rows, groups = people("g", {"a": (90, 20, 30, 20), "b": (3, 0, 0, 0)})
    whole, part = figures(rows, [compare(rows, groups, Fairness())], 10, 7)
    assert whole.estimate.value > 0
    assert (part.estimate.value, part.reason) == (None, "not enough data: 1 of 2 groups have enough rows, needs 2")
