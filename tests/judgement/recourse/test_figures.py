import numpy as np
import pytest

from components.core.contracts import Columns
from components.judgement.explanation import Counterfactual
from components.judgement.recourse.figures import of_reasons, of_ways_out
from components.judgement.recourse.reasoned import Reasoned
from components.judgement.recourse.reasons import Reason, Reasons
from components.judgement.recourse.ways_out import WaysOut
from components.judgement.subject import Subject


def _way_out(found: bool) -> Counterfactual:
    return Counterfactual(
        row="r",
        probability=0.5,
        decision=1,
        found=found,
        feasible=found,
        changes=(),
        number_of_changes=2 * found,
        new_probability=None,
        new_decision=None,
        samples=1,
    )


def test_groups_have_the_shares_of_their_own_rows(subject: Subject, rows: Columns) -> None:
    urban = np.flatnonzero(subject.test.frame["UrbanRural"].to_numpy() == "1")[:20]
    rural = np.flatnonzero(subject.test.frame["UrbanRural"].to_numpy() != "1")[:10]
    places = np.concatenate([urban, rural])
    ways = WaysOut(rows, tuple(_way_out(found) for found in [True] * 15 + [False] * 5 + [True] * 2 + [False] * 8))
    against = [()] * 16 + [("breaks a rule",)]
    found = {(f.name, f.of): f.estimate for f in of_ways_out(subject, places, ways, against)}
    assert found["recourse_found", "all"].value == pytest.approx(17 / 30)
    assert found["recourse_found", "UrbanRural=urban"].value == 0.75
    assert found["recourse_found", "UrbanRural=other"].value == 0.2
    # No group is privileged here, so the one with the largest share is what the other is held against.
    assert found["recourse_difference", "UrbanRural=other"].value == pytest.approx(-0.55)
    assert ("recourse_difference", "UrbanRural=urban") not in found
    assert found["recourse_feasible", "all"].value == pytest.approx(16 / 17)
    assert found["recourse_sparsity", "all"].value == 2
    assert found["recourse_cost", "UrbanRural=other"].value is None


def test_reasons_count_when_they_hold_both_ways() -> None:
    one = Reason("late", ("late",), 0.5, 0.8)
    told = [Reasons((one,), 0.8), Reasons((one,), 0.6, ("age",)), Reasons((), float("nan"))] * 2
    quiet, elsewhere = np.array([True, True, False] * 2), np.array([True, False, True] * 2)
    found = {(f.name, f.of): f.estimate for f in of_reasons(Reasoned(told, quiet, elsewhere))}
    assert found["reasons_stable", "all"].value == pytest.approx(1 / 3)
    assert found["reasons_stable", "noise"].value == pytest.approx(2 / 3)
    assert found["reasons_protected", "all"].value == pytest.approx(1 / 3)
    assert found["reasons_cover", "all"].n == 4
