from datetime import date

import polars as pl
import pytest

from components.monitoring.drift.schema import schema_changes, type_of

BEFORE = pl.DataFrame({"amount": [1, 2], "bank": ["a", "b"], "day": [date(2004, 1, 1)] * 2})


def test_nothing_is_told_where_nothing_changed() -> None:
    same = BEFORE.with_columns(amount=pl.Series([1.5, None]), bank=pl.Series(["z", None], dtype=pl.Categorical))
    assert schema_changes(BEFORE, same, BEFORE.columns) == []


def test_a_column_gone_or_new_or_of_another_type_is_told_once() -> None:
    now = pl.DataFrame({"amount": ["1", "2"], "day": BEFORE["day"], "fee": [1.0, 2.0], "extra": [0, 0]})
    found = schema_changes(BEFORE, now, ["amount", "bank", "day", "fee", "amount"])
    assert [(subject, test, effect.size) for subject, test, effect in found] == [
        ("amount", "dtype_changed", 1),
        ("bank", "column_gone", 1),
        ("fee", "column_new", 1),
    ]
    assert found[0][2].reason == "it held numbers and holds texts"


def test_a_column_of_nulls_has_no_type() -> None:
    now = BEFORE.with_columns(amount=pl.Series([None, None], dtype=pl.String))
    assert schema_changes(BEFORE, now, BEFORE.columns) == []


def test_values_outside_a_closed_domain_are_told_by_their_share() -> None:
    now = pl.DataFrame({"bank": ["a", "x", "x", None]})
    ((subject, test, effect),) = schema_changes(now, now, [], {"bank": ("a", "b"), "gone": ("c",)})
    assert (subject, test, effect.size) == ("bank", "outside_domain", pytest.approx(2 / 3))
    assert effect.reason == "2 values outside the domain, most often 'x'"
    assert schema_changes(now, now, [], {"bank": ("a", "x")}) == []


def test_sorts_of_values() -> None:
    vectors = pl.Series([[1.0, 2.0]])
    assert [type_of(s) for s in (vectors, vectors.cast(pl.Array(pl.Float64, 2)), pl.Series([True]))] == [
        "vector",
        "vector",
        "number",
    ]
