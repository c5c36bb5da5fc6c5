"""Behavioural tests on a model whose behaviour is known."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from components.core.contracts import Columns, FloatArray, GateResult
from components.core.errors import FairleadError
from components.core.gating import Behaviour
from components.core.use_case import load, shipped
from components.features.rows import request_fields
from components.judgement.behaviour import behave, select

ROWS = {
    "amount": np.linspace(1.0, 100.0, 100),
    "jobs": np.where(np.arange(100) % 10 == 0, np.nan, 3.0),
    "state": np.array(["CA", "NY", None, "TX"] * 25, dtype=object),
    "day": np.arange("2003-01-01", "2003-04-11", dtype="datetime64[D]"),
}


def model(rows: Columns) -> FloatArray:
    """Risk rises with the amount, is higher in NY, and knows nothing of jobs and days."""
    return np.clip(rows["amount"] / 200 + 0.1 * (rows["state"] == "NY"), 0.0, 1.0)


def judged(score: Any = model, rows: Columns = ROWS, **settings: Any) -> GateResult:
    (result,) = behave(score, rows, [Behaviour(name="t", **settings)])
    return result


def test_invariance() -> None:
    assert judged(kind="invariance", column="jobs", values=(0, 50)).verdict == "pass"
    assert judged(kind="invariance", column="day", values=("2001-01-01", "2009-12-31")).verdict == "pass"
    moved = judged(kind="invariance", column="state", values=("CA", "NY", "TX"))
    assert moved.verdict == "fail"
    assert moved.value == pytest.approx(0.1)
    assert judged(kind="invariance", column="state", values=("CA", "NY"), tolerance=0.11).verdict == "pass"
    assert moved.check == "largest move of a score over state in (CA, NY, TX) <= 1e-09"


def test_direction() -> None:
    assert judged(kind="increasing", column="amount", multiply=1.5).verdict == "pass"
    wrong = judged(kind="decreasing", column="amount", multiply=1.5)
    assert wrong.verdict == "fail"
    assert wrong.value == pytest.approx(float(np.mean(ROWS["amount"])) * 0.5 / 200)
    assert judged(kind="decreasing", column="amount", multiply=0.5).verdict == "pass"
    # A factor without any effect goes neither way.
    assert judged(kind="increasing", column="jobs", multiply=2).verdict == "pass"
    assert judged(kind="decreasing", column="jobs", multiply=2).verdict == "pass"


def test_riskier_is_judged_by_the_mean_of_both_sides() -> None:
    assert judged(kind="riskier", where="amount > 50").verdict == "pass"
    assert judged(kind="riskier", where="amount <= 50").verdict == "fail"
    assert judged(kind="riskier", where="amount > 50", tolerance=0.9).verdict == "fail"
    assert judged(lambda _: np.full(100, 0.5), kind="riskier", where="amount > 50").verdict == "fail"


def test_conditions_are_sql_over_the_request() -> None:
    assert select(ROWS, "state = 'NY' AND amount > 50", "t").sum() == 12
    assert select(ROWS, "jobs IS NULL", "t").sum() == 10
    assert select(ROWS, "state IS NULL OR state IN ('CA')", "t").sum() == 50
    assert select(ROWS, "day >= DATE '2003-04-01'", "t").sum() == 10
    assert select(ROWS, "jobs > 0", "t").sum() == 90  # unknown is not a yes


@pytest.mark.parametrize("where", ["amounts > 3", "amount >", "amount", "1 = 1", "sum(amount) > 1"])
def test_a_condition_that_is_none_is_a_clear_error(where: str) -> None:
    with pytest.raises(FairleadError, match="behaviour 't'"):
        judged(kind="riskier", where=where)


def test_too_few_rows_is_no_data() -> None:
    few = judged(kind="riskier", where="amount > 90")
    assert (few.verdict, few.value) == ("no_data", None)
    assert "10 rows satisfy the condition and 90 do not" in few.reason
    assert judged(kind="riskier", where="amount > 90", minimum_rows=10).verdict == "pass"
    none = {name: values[:0] for name, values in ROWS.items()}
    assert judged(rows=none, kind="invariance", column="jobs", values=(0, 1)).verdict == "no_data"


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "invariance", "column": "jobs", "values": (0, 1)},
        {"kind": "increasing", "column": "amount", "multiply": 2},
        {"kind": "riskier", "where": "amount > 50"},
    ],
)
def test_a_score_that_is_not_a_number_never_passes(settings: dict[str, Any]) -> None:
    result = judged(lambda rows: np.full(len(rows["amount"]), np.nan), **settings)
    assert (result.verdict, result.value, result.reason) == ("fail", None, "a score is not a number")


def test_wrong_columns_are_clear_errors() -> None:
    with pytest.raises(
        FairleadError, match="unknown column in behaviour 't' 'wages'; allowed: amount, jobs, state, day"
    ):
        judged(kind="increasing", column="wages", multiply=2)
    with pytest.raises(FairleadError, match="multiplies column 'state', which is not a number"):
        judged(kind="increasing", column="state", multiply=2)
    with pytest.raises(FairleadError, match="puts 'many' into column 'jobs'"):
        judged(kind="invariance", column="jobs", values=("many", "few"))


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "invariance", "column": "state", "values": ("CA",)},
        {"kind": "increasing", "column": "amount"},
        {"kind": "decreasing", "multiply": 2.0},
        {"kind": "riskier", "column": "amount"},
    ],
)
def test_a_test_that_says_too_little_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="needs"):
        Behaviour(name="t", **settings)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_behaviour_fits_the_requests_of_its_use_case(name: str) -> None:
    use_case = load(name)
    empty: dict[str, Any] = {"int": 1.0, "float": 1.0, "category": None, "date": np.datetime64("2003-01-01")}
    rows = {
        f.name: np.full(60, empty[f.kind], dtype=object if f.kind == "category" else None)
        for f in request_fields(use_case)
    }
    results = behave(lambda _: np.full(60, 0.5), rows, use_case.gates.behaviour)
    assert [r.gate for r in results] == [b.name for b in use_case.gates.behaviour]


def test_the_rows_are_left_as_they_were() -> None:
    before = {name: values.copy() for name, values in ROWS.items()}
    judged(kind="increasing", column="amount", multiply=2)
    judged(kind="invariance", column="state", values=("CA", "NY"))
    for name, values in before.items():
        np.testing.assert_array_equal(ROWS[name], values)
