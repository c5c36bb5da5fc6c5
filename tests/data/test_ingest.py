from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.artifacts import hash_file
from components.core.errors import ContractViolation, FairleadError, IntegrityError
from components.core.use_case import Column, Data, load
from components.data import ingest as module
from components.data.ingest import ingest

COLUMNS = {"id": Column(kind="int"), "when": Column(kind="date"), "code": Column(kind="category", nullable=True)}
DATA = Data(source="unused.csv", row_id="id", event_time="when", columns=COLUMNS, drop=("left",), quarantine_limit=1)
CSV = "id,when,code\n1,2001-01-01,A\nx,2001-02-30,\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_sample_comes_in_whole_under_its_hash(tmp_path: Path) -> None:
    data = load("sba_loans").data
    found = ingest(data, tmp_path / "raw.parquet")
    raw = pl.read_parquet(tmp_path / "raw.parquet")
    assert (found.rows, found.columns, found.data_hash) == (99148, list(data.columns), data.sha256)
    assert raw.columns == list(data.columns)
    assert raw.height == 99148
    assert raw.schema["Bank"] == pl.String
    assert raw["Bank"].null_count() == 2


def test_a_csv_keeps_its_cells_as_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    found = ingest(DATA, tmp_path / "raw.parquet", str(path))
    rows = pl.read_parquet(tmp_path / "raw.parquet").rows()
    assert rows == [("1", "2001-01-01", "A"), ("x", "2001-02-30", None)]
    assert found.data_hash == hash_file(path)


def test_csv_with_a_byte_order_mark_quotes_and_newlines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "\ufeff" + 'id,"when",code\r\n1,2001-01-01,"a\n""b"", c"\r\n')
    ingest(DATA, tmp_path / "raw.parquet", str(path))
    assert pl.read_parquet(tmp_path / "raw.parquet").rows() == [("1", "2001-01-01", 'a\n"b", c')]


def test_columns_are_put_in_order_and_leftovers_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "left,code,when,id\n0,A,2001-01-01,1\n")
    ingest(DATA, tmp_path / "raw.parquet", str(path))
    raw = pl.read_parquet(tmp_path / "raw.parquet")
    assert raw.columns == ["id", "when", "code"]
    assert raw.rows() == [("1", "2001-01-01", "A")]


def test_parquet_types_become_plain(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int16()),
            "when": pa.array([datetime(2001, 1, 1), None], pa.timestamp("ns")),
            "code": pa.array(["A", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    ingest(DATA, tmp_path / "raw.parquet", str(tmp_path / "a.parquet"))
    raw = pl.read_parquet(tmp_path / "raw.parquet")
    assert raw.schema == {"id": pl.Int64, "when": pl.Datetime("us"), "code": pl.String}
    assert raw.rows() == [(1, datetime(2001, 1, 1), "A"), (2, None, None)]


def test_many_batches_give_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"id": range(1000), "when": [date(2001, 1, 1)] * 1000, "code": ["A"] * 1000})
    frame.write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(module, "CHUNK", 64)
    assert ingest(DATA, tmp_path / "raw.parquet", str(tmp_path / "a.parquet")).rows == 1000
    assert pl.read_parquet(tmp_path / "raw.parquet").equals(frame)


def nested() -> pa.Table:
    return pa.table({"id": [[1]], "when": ["2001-01-01"], "code": ["A"]})


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", "", r"a.csv is empty \(0 bytes\)"),
        ("a.parquet", "", r"a.parquet is empty \(0 bytes\)"),
        ("a.csv", "id,when,code\n", "a.csv is empty: it has the columns and 0 rows"),
        ("a.csv", "id,code\n1,A\n", "missing column 'when'"),
        ("a.csv", "id,when,code,sex,age\n1,2001-01-01,A,f,3\n", "extra column 'sex', 'age'"),
        ("a.csv", "id,when,code,id\n1,2001-01-01,A,1\n", "column there twice: 'id'"),
        ("a.csv", "id,when,code\n1,2001-01-01\n", "a.csv cannot be read as csv: .*Expected 3 columns, got 2"),
        ("a.csv", b"id,when,code\n1,2001-01-01,\xff\n", "a.csv cannot be read as csv: .*utf-8"),
        ("a.csv", b"id,wh\xffen,code\n1,2001-01-01,\n", "a.csv cannot be read as csv: .*utf-8"),
        ("a.csv", "\n\n", "a.csv cannot be read as csv: .*"),
        ("a.parquet", "PAR1 but not really", "a.parquet cannot be read as parquet: .*"),
        ("a.xlsx", "?", "unknown ending '.xlsx'; allowed: .parquet, .csv"),
        ("a", "?", "unknown ending .*; allowed: .parquet, .csv"),
    ],
)
def test_a_bad_file_is_refused_by_name(name: str, content: str | bytes, text: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(FairleadError, match=text):
        ingest(DATA, tmp_path / "raw.parquet", str(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


def test_a_nested_column_is_refused_by_type(tmp_path: Path) -> None:
    pq.write_table(nested(), tmp_path / "a.parquet")
    with pytest.raises(FairleadError, match=r"column 'id' has type list<.*allowed: numbers, text"):
        ingest(DATA, tmp_path / "raw.parquet", str(tmp_path / "a.parquet"))


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"id": range(1000)}).write_parquet(tmp_path / "b.parquet")
    path = write(tmp_path / "a.parquet", (tmp_path / "b.parquet").read_bytes()[:-9])
    with pytest.raises(FairleadError, match="cannot be read as parquet"):
        ingest(DATA, tmp_path / "raw.parquet", str(path))


def test_the_configured_source_must_have_the_configured_hash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    data = DATA.model_copy(update={"source": str(path), "sha256": "0" * 64})
    with pytest.raises(IntegrityError, match=f"sha256 is {hash_file(path)}, data.sha256 says 0000"):
        ingest(data, tmp_path / "raw.parquet")
    right = data.model_copy(update={"sha256": hash_file(path)})
    assert ingest(right, tmp_path / "raw.parquet").rows == 2


def test_another_source_is_not_compared_with_the_configured_hash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    data = DATA.model_copy(update={"sha256": "0" * 64})
    assert ingest(data, tmp_path / "raw.parquet", str(path)).source == str(path)


def test_a_wrong_column_is_a_contract_violation(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    with pytest.raises(ContractViolation):
        ingest(DATA, tmp_path / "raw.parquet", str(path))


def test_the_datasheet_and_the_use_case_name_the_sample_that_ships() -> None:
    sample = module.fetch("sample://sba_ca_1997_2012.parquet", Path("unused"))
    found = hash_file(sample)
    assert found == load("sba_loans").data.sha256
    assert found in sample.with_suffix(".md").read_text(encoding="utf-8")
