import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.serving.prediction_log_reader import SCHEMA, Tail, read
from components.serving.sinks.parquet import ParquetSink
from components.serving.sinks.sqlite import SqliteSink, connect
from tests.serving.logged import AT, records

DAY = 86_400.0
START = datetime.fromtimestamp(AT, UTC)


@pytest.fixture(params=["sqlite", "parquet"])
def sink(request, tmp_path):
    made = SqliteSink(tmp_path / "log.db") if request.param == "sqlite" else ParquetSink(tmp_path / "log")
    yield made
    made.close()


def _uri(sink):
    return f"{sink.name}:///{sink.path}"


def test_what_was_written_is_read_in_fixed_types(sink):
    written = records(3, outlier=np.array([True, False, True]))
    sink.write(written)
    frame = read(_uri(sink))
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["at"].to_list() == [START] * 3
    assert frame.drop("at").rows() == [tuple(r[1:]) for r in written]


def test_a_path_will_do(sink):
    sink.write(records(2))
    assert len(read(sink.path)) == 2


def test_no_log_yet_gives_no_rows_of_the_same_types(sink):
    assert read(_uri(sink)).schema == pl.Schema(SCHEMA)
    assert len(read(_uri(sink))) == 0


def test_an_empty_file_gives_no_rows(tmp_path):
    connect(tmp_path / "log.db").close()
    assert len(read(tmp_path / "log.db")) == 0


def test_all_missing_columns_keep_their_types(sink):
    sink.write(records(2))
    frame = read(_uri(sink), columns=["outlier_score", "lookups", "outlier"])
    assert frame.schema == {"outlier_score": pl.Float64, "lookups": pl.String, "outlier": pl.Boolean}
    assert frame.null_count().row(0) == (2, 2, 2)


def test_a_log_from_before_there_were_remedies_has_none(sink):
    sink.write(records(2))
    if sink.name == "sqlite":
        with closing(connect(sink.path)) as db:
            db.execute("ALTER TABLE predictions DROP COLUMN remedy")
    else:
        (path,) = sink.path.glob("*/*/*.parquet")
        pl.read_parquet(path).drop("remedy").write_parquet(path)
        sink.write([records(1)[0]._replace(remedy="{}")])
    frame = read(_uri(sink))
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["remedy"].to_list()[:2] == [None, None]


def test_only_what_was_scored_since_then(sink):
    for day in range(4):
        sink.write(records(2, f"day {day}", at=AT + day * DAY))
    found = read(_uri(sink), since=START + timedelta(days=2), columns=["request_id"])
    assert found["request_id"].to_list() == ["day 2", "day 2", "day 3", "day 3"]
    # A time in another zone is the same time.
    elsewhere = (START + timedelta(days=3)).astimezone(tz=None)
    assert len(read(_uri(sink), since=elsewhere)) == 2


def test_only_one_model(sink):
    sink.write([*records(2), *(r._replace(model="other") for r in records(3))])
    assert len(read(_uri(sink), model="other")) == 3
    assert len(read(_uri(sink), model="none")) == 0


def test_a_tail_gives_each_row_once_and_in_order(sink):
    tail = Tail(_uri(sink), columns=["request_id", "row"])
    assert len(tail.read()) == 0
    for i in range(3):
        sink.write(records(2, f"a{i}"))
        sink.write(records(1, f"b{i}"))
        assert tail.read().rows() == [(f"a{i}", 0), (f"a{i}", 1), (f"b{i}", 0)]
        assert tail.read().rows() == []


def test_a_tail_meets_what_several_processes_write(sink):
    program = (
        "import sys; from components.serving.sinks.opening import open_sink; from tests.serving.logged import records\n"
        "sink = open_sink(sys.argv[1])\n"
        "for i in range(20): sink.write(records(5, f'{sys.argv[2]}-{i}'))\n"
        "sink.close()"
    )
    tail = Tail(_uri(sink))
    writers = [subprocess.Popen([sys.executable, "-c", program, _uri(sink), name]) for name in "abc"]
    frames = []
    while any(w.poll() is None for w in writers):
        frames.append(tail.read())
    frames.append(tail.read())
    assert [w.returncode for w in writers] == [0, 0, 0]
    found = pl.concat(frames)
    assert len(found) == len(found.unique(["request_id", "row"])) == 300


@pytest.mark.parametrize(
    ("uri", "given", "expected"),
    [
        ("kafka://h:1/t", {}, "unknown log to read back 'kafka://h:1/t'; allowed: sqlite:///PATH"),
        ("sqlite:///log.db", {"columns": ["inputz"]}, "unknown column of the prediction log 'inputz'; allowed: at, "),
        ("sqlite:///log.db", {"since": datetime(2004, 1, 1)}, "no time zone"),
    ],
)
def test_what_cannot_be_read_is_named(uri, given, expected):
    with pytest.raises(FairleadError, match=expected):
        read(uri, **given)
