from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from components.core.contracts import Field
from components.core.errors import ContractViolation
from components.features.rows import days_between, from_frame, history_columns, number_of_rows, request_fields

FIELDS = [
    Field(name="n", kind="int"),
    Field(name="x", kind="float"),
    Field(name="c", kind="category"),
    Field(name="d", kind="date"),
]


def test_a_request_carries_inputs_and_then_histories(sba):
    fields = request_fields(sba)
    histories = [name for e in sba.features.entities for name in history_columns(e.name)]
    assert [f.name for f in fields] == [*sba.features.inputs, *histories]
    by_name = {f.name: f for f in fields}
    assert by_name["GrAppv"].minimum == sba.data.columns["GrAppv"].minimum
    assert by_name["ApprovalDate"].earliest == sba.data.columns["ApprovalDate"].earliest == date(1953, 7, 30)
    assert by_name["NewExist"].values == ("1", "2")
    assert by_name["zip_last_bad"].kind == "date"
    assert all(by_name[name].nullable for name in histories)


def test_columns_come_out_in_one_form():
    frame = pl.DataFrame(
        {"n": [1, None], "x": [None, 0.5], "c": ["a", None], "d": [date(2004, 2, 29), None], "more": [0, 0]}
    )
    for given in (
        frame,
        frame.with_columns(pl.col("c").cast(pl.Categorical), pl.col("d").cast(pl.Datetime("us")), n=pl.lit(None)),
    ):
        columns = from_frame(given, FIELDS)
        assert list(columns) == ["n", "x", "c", "d"]
        assert columns["n"].dtype == columns["x"].dtype == np.float64
        assert np.isnan(columns["n"][1])
        assert np.isnan(columns["x"][0])
        assert columns["c"].tolist() == ["a", None]
        assert columns["d"].dtype == np.dtype("datetime64[D]")
        assert columns["d"].tolist() == [date(2004, 2, 29), None]


def test_a_missing_column_is_named_with_those_found():
    with pytest.raises(ContractViolation, match="missing column x, d; the table has: n, c"):
        from_frame(pl.DataFrame({"n": [1], "c": ["a"]}), FIELDS)


def test_rows_are_counted_and_must_agree():
    assert number_of_rows({}) == 0
    assert number_of_rows({"a": np.zeros(3), "b": np.zeros(3)}) == 3
    with pytest.raises(ContractViolation, match="'b': 2"):
        number_of_rows({"a": np.zeros(3), "b": np.zeros(2)})


def test_days_between_is_missing_where_either_is():
    later = np.array([datetime(2004, 3, 1), None, date(2004, 3, 1)], dtype="datetime64[D]")
    earlier = np.array(["2004-02-28", "2004-02-28", "NaT"], dtype="datetime64[D]")
    np.testing.assert_array_equal(days_between(later, earlier), [2.0, np.nan, np.nan])
