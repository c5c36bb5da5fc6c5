from datetime import date

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Contract, Field
from components.core.errors import ContractViolation
from components.judgement.explanations.held_rows import held_rows
from components.training.bundle import Bundle

FIELDS = (
    Field(name="amount", kind="float", minimum=0, maximum=100),
    Field(name="jobs", kind="int", nullable=True),
    Field(name="kind", kind="category", values=("x", "y")),
    Field(name="day", kind="date", earliest=date(2000, 1, 1)),
)


@pytest.fixture
def contract(trees: Bundle) -> Contract:
    return trees.contract.model_copy(update={"inputs": FIELDS})


@pytest.fixture
def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {"amount": [1.0, 2.0], "jobs": [None, 3], "kind": ["x", "y"], "day": [date(2001, 1, 1)] * 2, "more": [1, 2]}
    )


def test_rows_that_fit_come_by_column(frame: pl.DataFrame, contract: Contract) -> None:
    columns = held_rows(frame, contract)
    assert list(columns) == ["amount", "jobs", "kind", "day"]
    assert np.isnan(columns["jobs"][0])


@pytest.mark.parametrize(
    ("column", "value", "text", "reason"),
    [
        ("amount", -1.0, r"'amount', row 11: found -1.0, allowed: 0 or more", "domain"),
        ("amount", 101.0, r"'amount', row 11: found 101.0, allowed: 100 or less", "domain"),
        ("amount", None, r"'amount', row 11: found nothing, allowed: a value", "null"),
        ("amount", float("nan"), r"'amount', row 11: found nothing", "null"),
        ("kind", "z", r"'kind', row 11: found z, allowed: x, y \(1 such rows", "domain"),
        ("kind", None, r"'kind', row 11: found nothing", "null"),
        ("day", date(1999, 12, 31), r"'day', row 11: found 1999-12-31, allowed: 2000-01-01 or later", "domain"),
        ("day", None, r"'day', row 11: found nothing", "null"),
    ],
)
def test_a_value_that_does_not_fit_is_named(frame, contract, column: str, value, text: str, reason: str) -> None:
    wrong = frame.with_columns(pl.Series(column, [frame[column][0], value], dtype=frame.schema[column]))
    with pytest.raises(ContractViolation, match=text) as error:
        held_rows(wrong, contract, first=10)
    assert error.value.breaches == ((column, reason),)


def test_a_column_that_is_missing_or_of_another_kind_is_named(frame: pl.DataFrame, contract: Contract) -> None:
    with pytest.raises(ContractViolation, match="missing column jobs"):
        held_rows(frame.drop("jobs"), contract)
    text = frame.with_columns(amount=pl.Series(["a", "b"]))
    with pytest.raises(ContractViolation, match="'amount': found a column of String, allowed: what reads as float"):
        held_rows(text, contract)
