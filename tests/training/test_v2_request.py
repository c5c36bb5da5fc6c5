import numpy as np

from components.core.contracts import Entity, Field
from components.features.rows import history_columns
from components.training.v2_request import v2_body, v2_columns


def test_each_kind_is_written_as_its_datatype():
    fields = [
        Field(name="day", kind="date", nullable=True),
        Field(name="n", kind="int"),
        Field(name="x", kind="float", nullable=True),
        Field(name="bank", kind="category", nullable=True),
    ]
    rows = {
        "day": np.array(["2003-01-31", "NaT"], dtype="datetime64[D]"),
        "n": np.array([1.0, 2.0]),
        "x": np.array([np.nan, 0.5]),
        "bank": np.array(["A", None], dtype=object),
    }
    found = {t["name"]: (t["datatype"], t["shape"], t["data"]) for t in v2_body(rows, fields)["inputs"]}
    assert found == {
        "day": ("BYTES", [2], ["2003-01-31", None]),
        "n": ("INT64", [2], [1, 2]),
        "x": ("FP64", [2], [None, 0.5]),
        "bank": ("BYTES", [2], ["A", None]),
    }


def test_what_is_missing_in_every_row_is_left_out_only_where_it_may_be():
    rows = {"x": np.array([np.nan]), "y": np.array([np.nan])}
    fields = [Field(name="x", kind="float", nullable=True), Field(name="y", kind="float")]
    body = v2_body(rows, fields, "mine")
    assert body["id"] == "mine"
    assert [(t["name"], t["data"]) for t in body["inputs"]] == [("y", [None])]


def test_a_history_that_is_missing_is_sent_as_null_lest_it_be_looked_up():
    names = history_columns("bank")
    fields = [Field(name=n, kind="date" if n.endswith("last_bad") else "float", nullable=True) for n in names]
    rows = {
        "bank_count": np.array([np.nan]),
        "bank_bad": np.array([np.nan]),
        "bank_last_bad": np.array(["NaT"], "M8[D]"),
    }
    bank = Entity(name="bank", key="Bank", history=names, window_months=36)
    body = v2_body(rows, fields, entities=[bank])
    assert [(t["name"], t["data"]) for t in body["inputs"]] == [("bank_count", [None]), ("bank_bad", [None])]


def test_rows_survive_the_way_there_and_back():
    fields = [
        Field(name="day", kind="date", nullable=True),
        Field(name="n", kind="int", nullable=True),
        Field(name="gap", kind="date", nullable=True),
        Field(name="x", kind="float", nullable=True),
        Field(name="bank", kind="category", nullable=True),
    ]
    rows = {
        "day": np.array(["2003-01-31", "NaT"], dtype="datetime64[D]"),
        "n": np.array([1.0, np.nan]),
        "gap": np.array(["NaT", "NaT"], dtype="datetime64[D]"),
        "x": np.array([np.nan, 0.1]),
        "bank": np.array(["A", None], dtype=object),
    }
    back = v2_columns(v2_body(rows, fields), fields)
    assert list(back) == list(rows)
    for name, values in rows.items():
        assert back[name].dtype == values.dtype
        np.testing.assert_array_equal(back[name], values)
