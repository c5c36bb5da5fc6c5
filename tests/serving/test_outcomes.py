import sqlite3
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.serving.outcomes import SCHEMA, read_outcomes, read_recorded, record_outcomes
from components.serving.prediction_log_reader import read
from components.serving.sinks.sqlite import SqliteSink
from tests.serving.logged import records

NEW_YEAR = datetime(2005, 1, 1, tzinfo=UTC)


def _day(number):
    return NEW_YEAR + timedelta(days=number)


def _frame(*rows):
    schema = {"request_id": pl.String, "row": pl.Int64, "label": pl.Int64, "known_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema, orient="row")


def _labels(path, known_by=None):
    return {(r["request_id"], r["row"]): r["label"] for r in read_outcomes(path, known_by).iter_rows(named=True)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.db"


def test_the_latest_known_wins_and_the_past_stays_as_it_was_known(path):
    assert record_outcomes(path, _frame(("a", 0, 0, _day(1)), ("b", 0, 1, _day(2)))) == 2
    assert record_outcomes(path, _frame(("a", 0, 1, _day(5)))) == 1
    assert _labels(path) == {("a", 0): 1, ("b", 0): 1}
    assert _labels(path, _day(4)) == {("a", 0): 0, ("b", 0): 1}
    assert _labels(path, _day(1)) == {("a", 0): 0}
    assert _labels(path, _day(0)) == {}


def test_a_correction_that_is_recorded_first_still_wins(path):
    record_outcomes(path, _frame(("a", 0, 1, _day(5))))
    record_outcomes(path, _frame(("a", 0, 0, _day(1))))
    assert _labels(path) == {("a", 0): 1}


def test_of_two_known_at_the_same_time_the_last_recorded_wins(path):
    record_outcomes(path, _frame(("a", 0, 1, _day(5)), ("a", 0, 0, _day(5))))
    assert _labels(path) == {("a", 0): 0}


def test_sent_again_nothing_is_added(path):
    frame = _frame(("a", 0, 0, _day(1)), ("a", 1, 1, _day(1)))
    assert record_outcomes(path, frame, now=_day(2)) == 2
    assert record_outcomes(path, frame, now=_day(3)) == 0
    found = read_outcomes(path)
    assert found.schema == pl.Schema(SCHEMA)
    assert found["recorded_at"].to_list() == [_day(2)] * 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 1), st.integers(0, 5)), max_size=12))
def test_it_is_as_if_each_had_been_kept_in_a_list(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("outcomes") / "log.db"
    frame = _frame(*((i, row, label, _day(day)) for i, row, label, day in rows))
    assert record_outcomes(path, frame) == len(set(rows))
    kept = list(dict.fromkeys(rows))
    for known_by in range(6):
        expected = {}
        for i, row, label, _ in sorted((r for r in kept if r[3] <= known_by), key=lambda r: r[3]):
            expected[i, row] = label
        assert _labels(path, _day(known_by)) == expected


def test_nothing_can_be_rewritten(path):
    record_outcomes(path, _frame(("a", 0, 0, _day(1))))
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only: record a correction"):
        db.execute("UPDATE outcomes SET label = 1")
    db.close()


def test_they_lie_beside_the_predictions_and_join(path):
    sink = SqliteSink(path)
    sink.write(records(3, "a"))
    record_outcomes(path, _frame(("a", 1, 1, _day(1))))
    sink.write(records(1, "b"))
    sink.close()
    joined = read(path).join(read_outcomes(path), on=["request_id", "row"])
    assert joined.select("request_id", "row", "label").rows() == [("a", 1, 1)]


def test_without_a_row_the_first_is_meant(path):
    record_outcomes(path, _frame(("a", 7, 1, _day(1))).drop("row"))
    assert _labels(path) == {("a", 0): 1}


def test_no_outcomes_yet_gives_no_rows_of_the_same_types(path):
    assert read_outcomes(path).schema == pl.Schema(SCHEMA)
    SqliteSink(path).write(records(1))
    assert read_outcomes(path).schema == pl.Schema(SCHEMA)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (_frame(("a", 0, 2, _day(1)), ("b", 0, 1, _day(1))), r"1 of 2 rows .*'label': 2"),
        (_frame(("a", 0, None, _day(1))), "1 of 1 rows are incomplete"),
        (_frame((None, 0, 1, _day(1))), "1 of 1 rows are incomplete"),
        (_frame(("a", 0, 1, _day(1))).drop("label"), "missing column label; found: request_id, row, known_at"),
        (
            _frame(("a", 0, 1, _day(1))).with_columns(pl.col("known_at").dt.replace_time_zone(None)),
            r"known_at is Datetime.*, allowed: times with a time zone",
        ),
    ],
)
def test_a_wrong_frame_is_refused_whole(path, frame, expected):
    with pytest.raises(FairleadError, match=expected):
        record_outcomes(path, frame)
    assert _labels(path) == {}


def test_a_time_in_another_zone_is_the_same_time(path):
    frame = _frame(("a", 0, 1, _day(1))).with_columns(pl.col("known_at").dt.convert_time_zone("Asia/Tokyo"))
    record_outcomes(path, frame)
    assert read_outcomes(path)["known_at"].to_list() == [_day(1)]


def test_every_record_can_be_read_on_from_where_one_stopped(path):
    assert read_recorded(path).is_empty()
    record_outcomes(path, _frame(("a", 0, 0, _day(9)), ("a", 0, 1, _day(1))), now=_day(20))
    first = read_recorded(path)
    assert first.schema == pl.Schema({**SCHEMA, "number": pl.Int64()})
    assert first.select("label", "known_at", "recorded_at").rows() == [(0, _day(9), _day(20)), (1, _day(1), _day(20))]
    record_outcomes(path, _frame(("a", 0, 1, _day(1)), ("b", 2, 1, _day(3))))
    assert read_recorded(path, first["number"].max())["request_id"].to_list() == ["b"]
    assert len(read_recorded(path)) == 3


def test_a_file_without_outcomes_has_no_records(path):
    SqliteSink(path).write(records(1))
    assert read_recorded(path).schema == read_recorded(path.with_name("none.db")).schema
