from collections.abc import Sequence

import numpy as np
import pytest

from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.judgement.explanation import Change, Counterfactual
from components.judgement.recourse.drawn import take
from components.judgement.recourse.feasible import breaches
from components.judgement.recourse.ways_out import WaysOut, as_json, find_ways_out
from components.judgement.subject import Subject


def test_what_the_search_finds_can_be_taken(subject: Subject, case: UseCase, rows: Columns) -> None:
    ways = find_ways_out(case, subject.bundle, rows, ["r"] * 40, samples=500)
    found = breaches(case, subject.bundle, ways)
    assert len(found) == ways.found.sum()
    assert not any(found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("NoEmp", 3)], "NoEmp may not be acted on"),
        ([("GrAppv", 9e6)], "GrAppv may only decrease"),
        ([("SBA_Appv", None)], "SBA_Appv does not change to a value"),
        ([("RevLineCr", "0")], "RevLineCr may not become 0"),
        ([("GrAppv", 0.5), ("SBA_Appv", 0.5)], "breaks minimum of GrAppv"),
        ([("SBA_Appv", 9e6)], "breaks guarantee_not_above_loan"),
        ([("SBA_Appv", 1.0)], "breaks half_is_guaranteed"),
    ],
)
def test_each_breach_is_told(
    subject: Subject, case: UseCase, rows: Columns, changes: Sequence[tuple[str, object]], expected: str
) -> None:
    places = np.flatnonzero((rows["RevLineCr"] == "N") & (rows["GrAppv"] < 1e6))[:1]
    one = WaysOut(take(rows, places), (_proposed(subject, take(rows, places), changes),))
    assert expected in breaches(case, subject.bundle, one)[0]


def test_a_decision_that_stays_and_a_wrong_old_value_are_told(subject: Subject, case: UseCase, rows: Columns) -> None:
    row = take(rows, np.array([0]))
    amount = float(row["GrAppv"][0])
    nearly = _proposed(subject, row, [("GrAppv", amount * (1 - 1e-9))])
    (told,) = breaches(case, subject.bundle, WaysOut(row, (nearly,)))
    assert "the decision stays 1" in told
    wrong = nearly.model_copy(update={"changes": (Change(input="GrAppv", old=1.0, new=0.9),)})
    (told,) = breaches(case, subject.bundle, WaysOut(row, (wrong,)))
    assert f"GrAppv is {amount}, not 1.0" in told


def _proposed(subject: Subject, row: Columns, changes: Sequence[tuple[str, object]]) -> Counterfactual:
    old = as_json(row, 0, subject.bundle.contract.inputs)
    return Counterfactual(
        row="r",
        probability=0.5,
        decision=1,
        found=True,
        feasible=True,
        changes=tuple(Change(input=name, old=old[name], new=new) for name, new in changes),
        number_of_changes=len(changes),
        new_probability=0.1,
        new_decision=0,
        samples=1,
    )
