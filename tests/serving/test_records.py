import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.serving.records import Recorder, microseconds, pieces
from components.serving.remedy import Note
from components.training.v2_request import json_values
from tests.serving.logged import AT, FIELDS, batch, records


def test_a_row_becomes_a_record_with_missing_values_as_null():
    first, second = records(2)
    assert json.loads(first.inputs) == {"jobs": 0, "amount": 0.5, "bank": "BANK “0”", "approved": "2004-01-31"}
    assert json.loads(second.inputs) == {"jobs": None, "amount": None, "bank": None, "approved": None}
    assert '"jobs":0,' in first.inputs  # a whole number is written as one
    assert first[:6] == (round(AT * 1e6), "call", 0, "loans", "3", "stable")
    assert second[7:] == (pytest.approx(1 / 3), 0, None, None, None, 1.5, None)


def test_what_the_guard_and_the_lookup_found_is_kept():
    odd = {"outlier_score": np.array([0.25]), "outlier": np.array([True]), "lookups": ["bank=found zip=missing"]}
    (record,) = records(1, **odd)
    assert record[9:12] == (0.25, True, "bank=found zip=missing")


def test_batches_with_and_without_a_detector_go_together():
    flagged = batch(1, "b", outlier=np.array([False]), outlier_score=np.array([0.5]))
    made = Recorder("m", "1", "stable", FIELDS).records([batch(2, "a"), flagged])
    assert [(r.request_id, r.row, r.outlier) for r in made] == [("a", 0, None), ("a", 1, None), ("b", 0, False)]


def test_as_json_the_inputs_are_an_object_and_the_time_is_readable():
    (record,) = records(1)
    content = json.loads(record.as_json())
    assert content["inputs"] == json.loads(record.inputs)
    assert content["at"] == "2004-10-01T00:00:00.250000Z"
    assert {**record._asdict(), "at": content["at"], "inputs": content["inputs"]} == content


def test_masked_fields_are_changed_or_left_out_and_missing_ones_stay_missing():
    mask = {"bank": None, "jobs": lambda v: f"<{v}>"}
    first, second = Recorder("m", "1", "stable", FIELDS, mask).records([batch(2)])
    assert json.loads(first.inputs) == {"jobs": "<0>", "amount": 0.5, "approved": "2004-01-31"}
    assert json.loads(second.inputs) == {"jobs": None, "amount": None, "approved": None}


def test_what_was_done_with_an_odd_row_is_kept_and_its_values_are_masked_too():
    replaced = {"bank": "SECRET", "jobs": 7, "amount": 1e9, "approved": None}
    note = Note("impute_and_flag", "new_category", ("new_category bank", "missing approved"), replaced)
    mask = {"bank": None, "jobs": lambda v: f"<{v}>", "approved": lambda v: f"<{v}>"}
    odd, plain = Recorder("m", "1", "stable", FIELDS, mask).records([batch(2, remedies=[note, None])])
    assert json.loads(odd.remedy) == {
        "remedy": "impute_and_flag",
        "odd": ["new_category bank", "missing approved"],
        "replaced": {"jobs": "<7>", "amount": 1e9, "approved": None},
    }
    assert json.loads(odd.as_json())["remedy"] == json.loads(odd.remedy)
    assert (plain.remedy, json.loads(plain.as_json())["remedy"]) == (None, None)


def test_without_any_field_left_a_record_remains():
    (record,) = Recorder("m", "1", "stable", FIELDS, {f.name: None for f in FIELDS}).records([batch(1)])
    assert record.inputs == "{}"


def test_requests_that_are_not_kept_leave_nothing():
    recorder = Recorder("m", "1", "stable", FIELDS, keep=lambda request_id: request_id == "b")
    both = batch(
        3,
        request_ids=["a", "b", "b"],
        row_numbers=[0, 0, 1],
        outlier=np.array([True, False, True]),
        lookups=["x", "y", "z"],
    )
    made = recorder.records([batch(2, "a"), both])
    assert [(r.request_id, r.row, r.probability, r.outlier, r.lookups) for r in made] == [
        ("b", 0, 0.25, False, "y"),
        ("b", 1, 0.5, True, "z"),
    ]
    assert json.loads(made[1].inputs)["jobs"] == 2
    assert recorder.records([batch(2, "a")]) == []


def test_arrays_that_differ_in_length_are_refused_not_cut():
    with pytest.raises(ValueError, match="shorter"):
        records(2, latency_ms=[1.0])


dates = st.dates().map(lambda d: np.datetime64(d, "D")) | st.just(np.datetime64("NaT", "D"))


@given(
    st.lists(st.floats(allow_infinity=False) | st.none(), min_size=1, max_size=4),
    st.lists(dates, min_size=4, max_size=4),
    st.lists(st.integers(-(2**53), 2**53) | st.none(), min_size=4, max_size=4),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.none(), min_size=4, max_size=4),
)
def test_inputs_are_written_as_a_client_would_send_them(amounts, days, jobs, banks):
    n = len(amounts)
    columns = {
        "jobs": np.array(jobs[:n], dtype=float),
        "amount": np.array(amounts, dtype=float),
        "bank": np.array(banks[:n], dtype=object),
        "approved": np.array(days[:n], dtype="datetime64[D]"),
    }
    expected = zip(*(json_values(columns[f.name], f) for f in FIELDS), strict=True)
    names = [f.name for f in FIELDS]
    found = [json.loads(r.inputs) for r in records(n, columns=columns)]
    assert found == [dict(zip(names, row, strict=True)) for row in expected]


@given(st.lists(st.integers(1, 30), max_size=10), st.integers(1, 12))
def test_pieces_hold_every_row_in_order_and_are_small(sizes, rows):
    batches = [batch(n, f"r{i}") for i, n in enumerate(sizes)]
    groups = list(pieces(batches, rows))
    assert all(sum(len(b.request_ids) for b in group) < 2 * rows + 1 for group in groups)
    found = [(i, row) for group in groups for b in group for i, row in zip(b.request_ids, b.row_numbers, strict=True)]
    assert found == [(f"r{i}", row) for i, n in enumerate(sizes) for row in range(n)]
    assert all(len(b.columns["jobs"]) == len(b.request_ids) for group in groups for b in group)


def test_a_time_without_a_zone_is_refused():
    assert microseconds(datetime(2004, 10, 1, 0, 0, 0, 250_000, UTC)) == records(1)[0].at
    with pytest.raises(FairleadError, match="no time zone"):
        microseconds(datetime(2004, 10, 1))


def test_a_column_of_no_field_is_written_by_its_dtype():
    fields = [Field(name="jobs", kind="int")]
    (record,) = Recorder("m", "1", "stable", fields).records([batch(1)])
    assert json.loads(record.inputs)["approved"] == "2004-01-31"
