import polars as pl
import pyarrow.parquet as pq
import pytest

from components.serving.records import Record
from components.serving.sinks import parquet
from components.serving.sinks.parquet import SCHEMA, ParquetSink
from components.serving.sinks.sink import NotWritten
from tests.serving.logged import AT, records

DAY = 86_400.0


@pytest.fixture
def sink(tmp_path):
    return ParquetSink(tmp_path / "log")


def _files(sink):
    return sorted(str(p.relative_to(sink.path).parent) for p in sink.path.rglob("*") if p.is_file())


def test_there_is_a_directory_for_each_day_and_version(sink):
    later = [r._replace(version="4") for r in records(1, at=AT + DAY)]
    sink.write([*later, *records(2), *records(2, at=AT + DAY), *records(1)])
    assert _files(sink) == [
        "date=2004-10-01/model_version=loans-3",
        "date=2004-10-02/model_version=loans-3",
        "date=2004-10-02/model_version=loans-4",
    ]


def test_a_version_cannot_lead_out_of_the_directory(sink):
    sink.write([r._replace(version="../../../x y") for r in records(1)])
    assert _files(sink) == ["date=2004-10-01/model_version=loans-..%2F..%2F..%2Fx%20y"]


def test_the_schema_is_that_of_a_record(sink):
    assert tuple(SCHEMA.names) == Record._fields
    sink.write(records(parquet.CHUNK * 2 + 1))
    (path,) = sink.path.rglob("*.parquet")
    assert pq.read_schema(path).equals(SCHEMA)
    assert pq.read_metadata(path).num_rows == parquet.CHUNK * 2 + 1


def test_others_read_it_with_its_partitions(sink):
    sink.write(records(2))
    frame = pl.read_parquet(sink.path, hive_partitioning=True)
    assert frame.select("date", "model_version", "version").unique().rows() == [
        (pl.Series(["2004-10-01"]).str.to_date()[0], "loans-3", "3")
    ]


def test_a_file_is_there_whole_or_not_at_all(sink, monkeypatch):
    def half(_table, path, **_):
        path.write_bytes(b"PAR1 half a file")
        raise OSError("disk full")

    monkeypatch.setattr(parquet.pq, "write_table", half)
    with pytest.raises(NotWritten, match="disk full"):
        sink.write(records(2))
    assert _files(sink) == []


def test_a_day_that_was_written_is_not_written_again(sink, monkeypatch):
    one, other = records(2), records(3, at=AT + DAY)
    whole, calls = parquet.pq.write_table, []

    def second_fails(table, path, **given):
        calls.append(path)
        if len(calls) == 2:
            raise OSError("disk full")
        whole(table, path, **given)

    monkeypatch.setattr(parquet.pq, "write_table", second_fails)
    with pytest.raises(NotWritten) as caught:
        sink.write([*one, *other])
    assert caught.value.records == other
    sink.write(caught.value.records)
    assert pl.scan_parquet(sink.path / "**/*.parquet").select(pl.len()).collect().item() == 5
