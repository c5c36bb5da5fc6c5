from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import ContractViolation
from components.core.use_case import Column, Data
from components.data.columns import as_text, require_columns, schema, typed


def table(**columns: Column) -> Data:
    return Data(source="t.csv", row_id="id", event_time="id", columns=columns, quarantine_limit=1)


WANTED = table(id=Column(kind="int"), when=Column(kind="date"))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (["id"], "missing column 'when'"),
        (["id", "when", "age", "sex"], "extra column 'age', 'sex'"),
        (["when", "extra"], "missing column 'id'; extra column 'extra'"),
        (["id", "when", "id"], "column there twice: 'id'"),
    ],
)
def test_wrong_columns_are_all_named_with_those_allowed(found: list[str], text: str) -> None:
    with pytest.raises(ContractViolation, match=text) as caught:
        require_columns(found, WANTED, "loans.csv")
    assert "loans.csv" in str(caught.value)
    assert "names: id, when" in str(caught.value)


def test_order_of_columns_does_not_matter() -> None:
    require_columns(["when", "id"], WANTED, "loans.csv")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("int", ["84", " 84 ", "84.0", "1e3", "-3"], [84, 84, 84, 1000, -3]),
        ("int", ["x", "8.5", "inf", "99999999999999999999", "0x1"], [None] * 5),
        ("int", [1.0, 1.5, float("nan"), float("inf"), 1e300], [1, None, None, None, None]),
        ("int", ["9007199254740993"], [9007199254740993]),
        ("int", [date(2001, 1, 1)], [None]),
        ("float", ["1.5", "$60,000.00", "", " "], [1.5, None, None, None]),
        ("float", [1, 2], [1.0, 2.0]),
        ("category", [1.0, 2.0, 1.5, float("nan")], ["1", "2", "1.5", None]),
        ("category", [1, None], ["1", None]),
        ("category", ["Y", "1.0", "", None], ["Y", "1.0", None, None]),
        ("date", ["2001-02-28", "2001-02-28 13:00:00", "2001-02-28T13:00:00.5Z"], [date(2001, 2, 28)] * 3),
        ("date", ["2001-02-30", "2001-13-01", "28.02.2001", "28-Feb-01", "2001-02-28x"], [None] * 5),
        ("date", [datetime(2001, 2, 28, 13), None], [date(2001, 2, 28), None]),
        ("date", [20010228], [None]),
        ("date", [True], [None]),
    ],
)
def test_cells_get_the_type_of_their_kind_or_null(kind: str, values: list[object], expected: list[object]) -> None:
    data = table(id=Column(kind=kind))  # type: ignore[arg-type]
    found = typed(pl.DataFrame({"id": values}), data)
    assert found.schema == schema(data)
    assert found["id"].to_list() == expected


def test_a_closed_domain_tells_that_1_point_0_is_1() -> None:
    data = table(id=Column(kind="category", values=("1", "2.0", "Y")))
    assert typed(pl.DataFrame({"id": ["1.0", "2.0", "Y", "3.0"]}), data)["id"].to_list() == ["1", "2.0", "Y", "3"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 0.1, 1e20], ["1", "0.1", "1e+20"]),
        ([datetime(2001, 1, 1), datetime(2001, 1, 1, 9, 30)], ["2001-01-01", "2001-01-01T09:30:00"]),
        ([True, None], ["true", None]),
    ],
)
def test_text_of_cells(values: list[object], expected: list[str]) -> None:
    frame = pl.DataFrame({"a": values})
    assert frame.select(as_text("a", frame.schema["a"]))["a"].to_list() == expected


@given(st.lists(st.floats(allow_infinity=False, allow_nan=False), min_size=1))
def test_a_number_written_as_text_reads_as_the_same_number(values: list[float]) -> None:
    frame = pl.DataFrame({"id": values}, schema={"id": pl.Float64})
    text = frame.select(as_text("id", pl.Float64()))
    assert typed(text, table(id=Column(kind="float")))["id"].to_list() == values
