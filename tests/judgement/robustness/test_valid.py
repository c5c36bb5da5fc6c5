from dataclasses import replace

import numpy as np
import pytest

from components.core.contracts import Field
from components.core.row_rule import Rule
from components.judgement.robustness.levers import Lever
from components.judgement.robustness.valid import faults
from components.judgement.row_rules import RowRules
from tests.judgement.robustness.toys import FIELDS, Linear, aim, row

OWES_MORE = Linear({"owed": 1.0, "paid": -1.0}, -300.0)
BEFORE = row(owed=450)


def test_a_move_within_the_budget_counts() -> None:
    assert faults(aim(OWES_MORE), BEFORE, row(owed=370, paid=150), FIELDS) == []


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (row(owed=450), "the decision is the same"),
        (row(owed=349.9), "owed moves by -100.1"),
        (row(owed=360, paid=99), "paid moves the wrong way"),
        (row(owed=360, age=41), "age is not actionable"),
        (row(owed=360, paid=np.nan), "paid moves by nan"),
    ],
)
def test_what_speaks_against_an_example_is_told(after, fault: str) -> None:
    assert fault in faults(aim(OWES_MORE), BEFORE, after, FIELDS)


def test_domains_kinds_and_rules_are_held() -> None:
    late = Lever("late", 0, 100.0, 0.0, 9.0, True)
    rules = RowRules([Rule(name="r", column="late", expect="late < 8")], FIELDS)
    how = replace(aim(OWES_MORE), levers=(late,), rules=rules)
    assert "late is 1.5" in faults(how, row(), row(late=1.5), FIELDS)
    assert "late is 10" in faults(how, row(), row(late=10), FIELDS)
    assert "a rule is broken" in faults(how, row(), row(late=8), FIELDS)


def test_what_is_missing_and_stays_missing_has_not_moved() -> None:
    fields = [
        *FIELDS,
        Field(name="form", kind="category", nullable=True),
        Field(name="when", kind="date", nullable=True),
    ]
    gaps = {"form": np.array([None], dtype=object), "when": np.array(["NaT"], dtype="datetime64[D]")}
    how = replace(aim(OWES_MORE), rules=RowRules([], fields))
    assert faults(how, {**BEFORE, **gaps}, {**row(owed=370), **gaps}, fields) == []
