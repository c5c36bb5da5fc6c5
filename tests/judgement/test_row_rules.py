import numpy as np
import pytest

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.core.row_rule import Rule
from components.core.use_case import UseCase, load, shipped
from components.features.rows import request_fields
from components.judgement.row_rules import RowRules
from components.training.bundle import Bundle

FIELDS = [
    Field(name="day", kind="date", nullable=True),
    Field(name="kind of loan", kind="category", nullable=True),
]


def test_rules_on_outcomes_are_left_out(sba: UseCase) -> None:
    assert RowRules(sba.data.rules, request_fields(sba)).names == ("guarantee_not_above_loan",)


def test_rows_of_training_keep_the_rules(sba: UseCase, signed_bundle) -> None:
    rows = Bundle.open(signed_bundle).background()
    rules = RowRules(sba.data.rules, request_fields(sba))
    assert rules.kept(rows).all()
    assert not rules.kept({**rows, "SBA_Appv": rows["GrAppv"] + 1}).any()


def test_dates_compare_with_dates_and_unknown_counts_as_kept() -> None:
    rules = RowRules([Rule(name="late", column="day", expect="day > '2001-09-09' AND \"kind of loan\" = 'A'")], FIELDS)
    rows = {
        "day": np.array(["2001-10-01", "2001-09-01", "NaT", "2001-10-01"], dtype="datetime64[D]"),
        "kind of loan": np.array(["A", "A", "A", "B"], dtype=object),
    }
    assert rules.kept(rows).tolist() == [True, False, True, False]


def test_without_rules_everything_is_kept() -> None:
    rows = {"day": np.array(["NaT"] * 3, dtype="datetime64[D]"), "kind of loan": np.array([None] * 3, dtype=object)}
    assert RowRules([], FIELDS).kept(rows).tolist() == [True] * 3


def test_a_rule_that_is_no_sql_is_told() -> None:
    with pytest.raises(FairleadError, match="rule 'odd': 'day >>> 3 3' cannot be run"):
        RowRules([Rule(name="odd", column="day", expect="day >>> 3 3")], FIELDS)


def test_a_column_may_be_called_as_a_word_of_sql_is() -> None:
    rules = [
        Rule(name="has_a_day", column="day", expect="default = 0 OR day IS NOT NULL"),
        Rule(name="in_order", column="order", expect="order > 1 AND limit >= order"),
    ]
    fields = [*FIELDS, Field(name="order", kind="float"), Field(name="limit", kind="float")]
    known = RowRules(rules, fields)
    assert known.names == ("in_order",)
    no_days = np.array(["NaT"] * 3, dtype="datetime64[D]")
    rows = {"day": no_days, "kind of loan": np.array([None] * 3, dtype=object)}
    rows |= {"order": np.array([2.0, 2.0, 1.0]), "limit": np.array([2.0, 1.0, 5.0])}
    assert known.kept(rows).tolist() == [True, False, False]


def test_rules_of_the_use_cases_that_ship_can_be_held() -> None:
    for name in shipped():
        case = load(name)
        RowRules(case.data.rules, request_fields(case))
