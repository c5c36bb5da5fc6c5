import numpy as np
import pytest

from components.core.contracts import Columns, Field
from components.core.use_case import UseCase
from components.judgement.explanation import Change, Counterfactual
from components.judgement.recourse.ways_out import as_json, changed, cost, costs, find_ways_out
from components.judgement.subject import Subject

FIELDS = (
    Field(name="amount", kind="float"),
    Field(name="bank", kind="category", nullable=True),
    Field(name="day", kind="date"),
    Field(name="staff", kind="int", nullable=True),
)


def _changes(*changes: tuple[str, object, object]) -> Counterfactual:
    return Counterfactual(
        row="r",
        probability=0.5,
        decision=1,
        found=bool(changes),
        feasible=bool(changes),
        changes=tuple(Change(input=name, old=old, new=new) for name, old, new in changes),
        number_of_changes=len(changes),
        new_probability=0.1,
        new_decision=0,
        samples=1,
    )


def test_each_kind_of_change_has_its_cost() -> None:
    spread = {"amount": 200.0, "staff": 10.0}
    assert cost(_changes(("amount", 100.0, 50.0)), FIELDS, spread) == pytest.approx(0.25)
    assert cost(_changes(("bank", "A", "B")), FIELDS, spread) == 1
    assert cost(_changes(("day", "2001-01-01", "2000-01-01")), FIELDS, spread) == pytest.approx(366 / 365.25)
    assert cost(_changes(("staff", None, 3)), FIELDS, spread) == 1
    both = _changes(("amount", 100.0, 300.0), ("staff", 2, 7))
    assert cost(both, FIELDS, spread) == pytest.approx(1.5)


def test_changes_are_made_on_a_copy() -> None:
    rows: Columns = {"amount": np.array([1.0, 2.0]), "bank": np.array(["A", None], dtype=object)}
    fields = FIELDS[:2]
    new = changed(rows, 1, [Change(input="bank", old=None, new="B")], fields)
    assert (new["amount"].tolist(), new["bank"].tolist()) == ([2.0], ["B"])
    assert as_json(rows, 1, fields) == {"amount": 2.0, "bank": None}


def test_every_way_out_leads_to_the_other_decision(subject: Subject, case: UseCase, rows: Columns) -> None:
    names = [str(i) for i in range(40)]
    ways = find_ways_out(case, subject.bundle, rows, names, samples=500)
    assert 5 < ways.found.sum() < 40
    assert [c.row for c in ways.counterfactuals] == names
    assert all(c.samples <= 500 for c in ways.counterfactuals)
    fields = subject.bundle.contract.inputs
    for place in np.flatnonzero(ways.found):
        new = changed(ways.rows, int(place), ways.counterfactuals[place].changes, fields)
        assert subject.bundle.decide(subject.bundle.probability(new)).tolist() == [0]
        assert new["SBA_Appv"] >= 0.5 * new["GrAppv"]
    assert len(costs(ways, fields, {"GrAppv": 1e5, "SBA_Appv": 1e5})) == ways.found.sum()


def test_who_is_told_no_way_out_is_told_no_other_changes(subject: Subject, case: UseCase, rows: Columns) -> None:
    nothing = case.model_copy(update={"explanations": case.explanations.model_copy(update={"actionable": ()})})
    ways = find_ways_out(nothing, subject.bundle, rows, ["r"] * 40, samples=500)
    assert not ways.found.any()
    assert all((c.changes, c.new_decision) == ((), None) for c in ways.counterfactuals)
