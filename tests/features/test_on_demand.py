from datetime import UTC, date, datetime

import numpy as np

from components.core.contracts import Field
from components.features.on_demand import matrix, to_columns, to_lists
from components.features.rows import request_fields
from components.features.transform import fit, select

FIELDS = [
    Field(name="n", kind="int"),
    Field(name="x", kind="float"),
    Field(name="c", kind="category"),
    Field(name="d", kind="date"),
]


def test_lists_and_back():
    columns = {
        "n": np.array([1.0, np.nan]),
        "x": np.array([np.nan, 0.5]),
        "c": np.array(["a", None], dtype=object),
        "d": np.array(["NaT", "2004-02-29"], dtype="datetime64[D]"),
    }
    lists = to_lists(columns, FIELDS)
    assert lists == {"n": [1, None], "x": [None, 0.5], "c": ["a", None], "d": [None, "2004-02-29"]}
    back = to_columns(lists, FIELDS)
    for name, values in columns.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype == values.dtype


def test_a_day_may_come_in_any_form():
    given = ["1969-12-31", date(1969, 12, 31), datetime(1969, 12, 31, tzinfo=UTC), "1969-12-31T00:00:00Z"]
    days = to_columns({"d": given}, FIELDS[3:])["d"]
    assert days.tolist() == [date(1969, 12, 31)] * 4


def test_a_column_that_is_not_there_is_missing():
    columns = to_columns({"x": [1.0, 2.0]}, FIELDS)
    assert np.isnan(columns["n"]).all()
    assert columns["c"].tolist() == [None, None]
    assert np.isnat(columns["d"]).all()


def test_the_matrix_is_the_transform_s(sba):
    from components.features.catalogue import catalogue

    fields = request_fields(sba)
    lists = {"GrAppv": [50_000.0, 1.0], "SBA_Appv": [25_000.0, 1.0]}
    fitted = fit(select(["guarantee_share", "log_amount"], catalogue("sba_loans")), {}, np.array([]))
    found = matrix("sba_loans", fitted.to_json(), lists, fields)
    assert found == {"guarantee_share": [0.5, 1.0], "log_amount": [float(np.float32(np.log(50_000))), 0.0]}
