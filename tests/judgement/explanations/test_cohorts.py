import numpy as np
import polars as pl
import pytest

from components.core.use_case import load
from components.judgement.explanations.cohorts import cohorts, groupings_of
from components.judgement.fairness.groups import Grouping
from tests.judgement.explanations.made import explained


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(1)
    phi = rng.normal(size=(400, 3))
    codes = rng.integers(0, 2, size=400)
    phi[codes == 1, 1] += 2
    groups = Grouping("sex", ("sex=male", "sex=female"), codes)
    return cohorts(explained(phi), [groups], np.ones(400), 100)


def test_gaps_of_features_add_up_to_that_of_the_score(found) -> None:
    for cohort in found:
        assert cohort.gap.value == pytest.approx(cohort.differences.sum())


def test_the_feature_that_makes_the_difference_comes_first(found) -> None:
    male, female = found
    assert (female.name, female.order[0]) == ("sex=female", 1)
    assert female.differences[1] - female.reach[1] < 2 < female.differences[1] + female.reach[1]
    assert male.differences == pytest.approx(-female.differences)
    assert female.gap.low < 2 < female.gap.high


@pytest.mark.parametrize(("members", "reason"), [(1, "1 rows, needs 100"), (399, "1 other rows, needs 100")])
def test_a_group_with_one_member_is_no_data(members: int, reason: str) -> None:
    groups = Grouping("sex", ("sex=a", "sex=b", "sex=nobody"), np.repeat([0, 1], [members, 400 - members]))
    first = cohorts(explained(np.ones((400, 2))), [groups], np.ones(400), 100)[0]
    assert (first.gap.value, first.gap.n, first.reason) == (None, members, reason)
    assert len(first.differences) == 0


def test_a_group_without_a_row_is_left_out() -> None:
    groups = Grouping("sex", ("sex=a", "sex=nobody"), np.zeros(400, dtype=np.intp))
    assert [c.name for c in cohorts(explained(np.ones((400, 2))), [groups], np.ones(400), 100)] == ["sex=a"]


def test_groups_are_those_of_fairness_and_of_the_segments() -> None:
    case = load("card_default")
    frame = pl.DataFrame({"sex": ["1", "2"], "education": ["1", "0"], "marriage": ["2", "2"], "age": [25, 60]})
    assert [g.name for g in groupings_of(frame, case)] == ["sex", "education", "marriage", "age"]
    loans = pl.DataFrame({name: ["1", "2"] for name in load("sba_loans").training.segments})
    assert [g.name for g in groupings_of(loans, load("sba_loans"))] == ["NewExist", "UrbanRural", "LowDoc"]
