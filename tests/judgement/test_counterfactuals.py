from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Columns, Field
from components.core.explaining import Actionable
from components.core.row_rule import Rule
from components.core.use_case import UseCase
from components.judgement.counterfactuals import STEPS, search
from components.judgement.row_rules import RowRules
from components.training.bundle import Bundle

FIELDS = (
    Field(name="amount", kind="float"),
    Field(name="part", kind="float"),
    Field(name="staff", kind="int", nullable=True),
    Field(name="bank", kind="category", nullable=True),
    Field(name="day", kind="date", nullable=True),
)
RULES = RowRules([Rule(name="part_of_amount", column="part", expect="part <= amount")], FIELDS)
NO_RULES = RowRules([], FIELDS)


class Known:
    """Refuses what a rule says."""

    def __init__(self, refuses: Callable[[Columns], Any]) -> None:
        self._refuses = refuses
        self.asked: list[Columns] = []

    def probability(self, rows: Columns) -> Any:
        self.asked.append(rows)
        return self._refuses(rows).astype(float)

    def decide(self, probability: Any) -> Any:
        return (probability >= 0.5).astype(np.int64)


def _background(seed: int = 1, n: int = 200) -> Columns:
    random = np.random.default_rng(seed)
    amount = np.round(random.uniform(10, 1000, n), 1)
    return {
        "amount": amount,
        "part": np.round(amount * random.uniform(0.2, 1, n), 1),
        "staff": np.where(random.uniform(size=n) < 0.1, np.nan, random.integers(0, 50, n)),
        "bank": random.choice(np.array(["A", "B", "C", None], dtype=object), n),
        "day": np.datetime64("2000-01-01") + random.integers(0, 1000, n).astype("timedelta64[D]"),
    }


ROW: Columns = {
    "amount": np.array([800.0]),
    "part": np.array([700.0]),
    "staff": np.array([5.0]),
    "bank": np.array(["A"], dtype=object),
    "day": np.array(["2001-01-01"], dtype="datetime64[D]"),
}
ALL = tuple(Actionable(column=f.name) for f in FIELDS)


def test_one_change_is_found_and_made_small() -> None:
    found = search(Known(lambda r: r["amount"] > 500), ROW, _background(), FIELDS, ALL, NO_RULES, name="mine")
    assert (found.found, found.feasible, found.number_of_changes, found.decision, found.new_decision) == (
        True, True, 1, 1, 0,
    )  # fmt: skip
    (change,) = found.changes
    assert (change.input, change.old) == ("amount", 800.0)
    assert 500 - 300 / STEPS <= change.new <= 500
    assert found.text.startswith("mine: probability 1.0000, decision 1; with amount 800 → ")


def test_two_changes_are_made_where_one_is_not_enough() -> None:
    model = Known(lambda r: (r["amount"] > 500) | (r["bank"] == "A"))
    found = search(model, ROW, _background(), FIELDS, ALL, NO_RULES)
    assert {c.input for c in found.changes} == {"amount", "bank"}
    # Three inputs at once come from the nearest rows of the other decision.
    model = Known(lambda r: (r["amount"] > 500) | (r["bank"] == "A") | ~(r["staff"] > 10))
    found = search(model, ROW, _background(), FIELDS, ALL, NO_RULES)
    assert ({c.input for c in found.changes}, found.feasible) == ({"amount", "bank", "staff"}, True)


def test_a_rule_on_rows_is_kept_and_broken_rows_are_not_even_asked_about() -> None:
    model = Known(lambda r: r["amount"] > 500)
    found = search(model, ROW, _background(), FIELDS, ALL, RULES)
    new = {c.input: c.new for c in found.changes}
    assert set(new) == {"amount", "part"}
    assert new["part"] <= new["amount"] <= 500
    assert all(RULES.kept(rows).all() for rows in model.asked)


def test_no_change_against_its_direction() -> None:
    model = Known(lambda r: (r["amount"] > 500) & (r["staff"] < 30))
    ways = (Actionable(column="amount", direction="increase"), Actionable(column="staff", direction="increase"))
    (change,) = search(model, ROW, _background(), FIELDS, ways, NO_RULES).changes
    assert (change.input, change.new) == ("staff", 30)


def test_categories_change_to_what_is_allowed() -> None:
    model = Known(lambda r: r["bank"] == "A")
    allowed = (Actionable(column="bank", values=("C",)),)
    assert search(model, ROW, _background(), FIELDS, allowed, NO_RULES).changes[0].new == "C"
    (change,) = search(model, ROW, _background(), FIELDS, (Actionable(column="bank"),), NO_RULES).changes
    assert change.new in {"B", "C"}  # a gap is never proposed


def test_dates_are_changed_by_whole_days() -> None:
    model = Known(lambda r: r["day"] < np.datetime64("2001-06-01"))
    later = (Actionable(column="day", direction="increase"),)
    (change,) = search(model, ROW, _background(), FIELDS, later, NO_RULES).changes
    assert change.old == "2001-01-01"
    assert "2001-06-01" <= change.new <= "2001-06-20"


def test_what_cannot_be_acted_on_is_told_as_such_and_changes_in_its_groups() -> None:
    model = Known(lambda r: r["bank"] == "A")
    fixed = (Actionable(column="amount"),)
    found = search(model, ROW, _background(), FIELDS, fixed, RULES, groups=[("bank", "staff")])
    assert (found.found, found.feasible) == (True, False)
    assert {c.input for c in found.changes} <= {"bank", "staff"}
    assert "bank" in {c.input for c in found.changes}
    assert found.text.endswith("(not in anybody's hands)")
    # Nothing at all may be acted on.
    assert not search(model, ROW, _background(), FIELDS, (), RULES).feasible


def test_none_found_is_a_result_of_its_own() -> None:
    found = search(Known(lambda r: r["amount"] > -1), ROW, _background(), FIELDS, ALL, RULES, name="mine")
    assert (found.found, found.feasible, found.changes, found.new_probability) == (False, False, (), None)
    assert found.samples > 100
    assert (
        found.text
        == f"mine: probability 1.0000, decision 1; among {found.samples} rows tried, none is decided otherwise"
    )


def test_a_gap_may_be_filled_and_lies_in_no_direction() -> None:
    gap = {**ROW, "staff": np.array([np.nan])}
    model = Known(lambda r: ~(r["staff"] > 10))
    (change,) = search(model, gap, _background(), FIELDS, (Actionable(column="staff"),), NO_RULES).changes
    assert (change.old, change.new > 10) == (None, True)
    up = (Actionable(column="staff", direction="increase"),)
    assert not search(model, gap, _background(), FIELDS, up, NO_RULES).feasible


@settings(max_examples=30, deadline=None)
@given(
    weights=st.tuples(*[st.floats(-3, 3)] * 3),
    cut=st.floats(-2, 2),
    place=st.integers(0, 199),
    ways=st.tuples(*[st.sampled_from(["any", "increase", "decrease", None])] * 3),
)
def test_whatever_is_found_decides_otherwise_and_is_allowed(weights, cut, place, ways) -> None:
    background = _background()

    def refuses(rows: Columns) -> Any:
        staff = np.nan_to_num(rows["staff"])
        return weights[0] * rows["amount"] / 500 + weights[1] * rows["part"] / 500 + weights[2] * staff / 25 > cut

    row = {name: values[place : place + 1] for name, values in background.items()}
    names = ("amount", "part", "staff")
    allowed = [Actionable(column=n, direction=w) for n, w in zip(names, ways, strict=True) if w]
    model = Known(refuses)
    found = search(model, row, background, FIELDS, allowed, RULES)
    if not found.found:
        everywhere = model.decide(refuses(background).astype(float))
        assert (everywhere == found.decision).all()  # a row of the other decision would have been found itself
        return
    new = {name: values.copy() for name, values in row.items()}
    for change in found.changes:
        new[change.input][0] = np.nan if change.new is None and change.input == "staff" else change.new
        assert change.old != change.new
    assert int(refuses(new)[0]) == found.new_decision == 1 - found.decision
    assert RULES.kept(new).all()
    if found.feasible:
        directions = {a.column: a.direction for a in allowed}
        for change in found.changes:
            way = directions[change.input]
            assert way == "any" or (change.new > change.old if way == "increase" else change.new < change.old)


def test_a_real_refusal_is_turned_by_what_the_use_case_allows(signed_bundle, sba: UseCase) -> None:
    opened = Bundle.open(signed_bundle)
    background, fields = opened.background(), opened.contract.inputs
    rules = RowRules(sba.data.rules, fields)
    refused = np.flatnonzero(opened.decide(opened.probability(background)))[:5]
    assert len(refused) == 5
    for i in refused:
        row = {name: values[i : i + 1] for name, values in background.items()}
        found = search(opened, row, background, fields, sba.explanations.actionable, rules)
        assert found.found
        assert found.new_probability < opened.contract.threshold <= found.probability
        if found.feasible:
            assert {c.input for c in found.changes} <= {a.column for a in sba.explanations.actionable}


@given(st.integers(2, 300))
@settings(max_examples=15, deadline=None)
def test_no_more_rows_are_scored_than_are_allowed(most: int) -> None:
    model = Known(lambda r: (r["amount"] > 500) | (r["bank"] == "A") | ~(r["staff"] > 10))
    found = search(model, ROW, _background(), FIELDS, ALL, NO_RULES, samples=most)
    scored = sum(len(rows["amount"]) for rows in model.asked)
    assert found.samples <= most
    # The row itself and what was found are asked for once more each.
    assert scored <= most + 1


def test_where_only_a_way_out_is_sought_no_other_change_is_told() -> None:
    model = Known(lambda r: r["amount"] > 500)
    assert search(model, ROW, _background(), FIELDS, ALL[1:], NO_RULES).found
    found = search(model, ROW, _background(), FIELDS, ALL[1:], NO_RULES, anyway=False)
    assert (found.found, found.feasible, found.changes, found.new_probability) == (False, False, (), None)
