import json
from pathlib import Path

import polars as pl
import pytest

from components.core.errors import FairleadError, QuarantineLimitExceeded
from components.core.use_case import load
from components.data import quarantine as module
from components.data.columns import schema
from components.data.ingest import ingest
from components.data.quarantine import QUARANTINE, QuarantineReport, check_rows, originals
from tests.data.bad_input import BAD, DATA, GOOD, table


def run(frame: pl.DataFrame, folder: Path, limit: float = 1.0) -> QuarantineReport:
    frame.write_parquet(folder / "raw.parquet")
    data = DATA.model_copy(update={"quarantine_limit": limit})
    return check_rows(folder / "raw.parquet", data, folder / "clean.parquet", folder / "quarantine.parquet")


def mixed() -> pl.DataFrame:
    return table({}, *(change for change, _ in BAD.values()), {}, {"id": "1"})


def test_the_sample_loses_what_its_datasheet_says(tmp_path: Path) -> None:
    data = load("sba_loans").data
    ingest(data, tmp_path / "raw.parquet")
    report = check_rows(tmp_path / "raw.parquet", data, tmp_path / "clean.parquet", tmp_path / "quarantine.parquet")
    assert (report.rows, report.kept, report.quarantined) == (99148, 96042, 3106)
    assert report.by_rule == {
        "domain": 2475,
        "paid_in_full_has_no_charge_off": 654,
        "disbursement_not_before_approval": 34,
        "charged_off_has_a_date": 1,
    }
    assert report.by_column == {
        "RevLineCr": 2304,
        "ChgOffDate": 655,
        "LowDoc": 106,
        "NewExist": 66,
        "DisbursementDate": 34,
    }
    clean = pl.read_parquet(tmp_path / "clean.parquet")
    assert clean.height == 96042
    assert clean.schema == schema(data)
    assert sorted(clean["NewExist"].unique()) == ["1", "2"]


def test_every_row_is_in_one_file_and_whole(tmp_path: Path) -> None:
    frame = mixed()
    report = run(frame, tmp_path)
    broken = pl.read_parquet(tmp_path / "quarantine.parquet")
    assert broken.schema == QUARANTINE
    assert report.quarantined == broken["row"].n_unique() == len(BAD) + 1
    assert pl.read_parquet(tmp_path / "clean.parquet").height == report.kept == 2
    rows = broken.unique("row").sort("row")
    assert [json.loads(text) for text in rows["original"]] == frame[rows["row"]].rows(named=True)


def test_a_row_that_breaks_several_rules_counts_once_as_a_row(tmp_path: Path) -> None:
    report = run(table({}, BAD["several at once"][0]), tmp_path)
    assert (report.rows, report.kept, report.quarantined, report.share) == (2, 1, 1, 0.5)
    assert report.by_rule == {"domain": 1, "paid_has_no_date": 1, "type": 1}
    assert report.by_column == {"amount": 1, "charged_off": 1, "code": 1}


def test_chunks_do_not_change_the_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    whole.mkdir()
    pieces.mkdir()
    reports = [run(mixed(), whole)]
    monkeypatch.setattr(module, "CHUNK", 3)
    reports.append(run(mixed(), pieces))
    assert reports[0] == reports[1]
    for name in ("clean.parquet", "quarantine.parquet"):
        assert pl.read_parquet(whole / name).equals(pl.read_parquet(pieces / name))


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run(mixed(), tmp_path / name)
    for name in ("clean.parquet", "quarantine.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_over_the_limit_everything_is_written_and_the_run_stops(tmp_path: Path) -> None:
    frame = table({}, {}, {"code": "T"}, {"y": "0", "code": "T"})
    with pytest.raises(QuarantineLimitExceeded) as caught:
        run(frame, tmp_path, limit=0.49)
    text = str(caught.value)
    assert "2 of 4 rows (50.00%) break an expectation; data.quarantine_limit is 49.00%" in text
    assert [line.split() for line in text.splitlines()[1:4]] == [
        ["rule", "rows"],
        ["domain", "2"],
        ["paid_has_no_date", "1"],
    ]
    assert pl.read_parquet(tmp_path / "clean.parquet").height == 2
    assert pl.read_parquet(tmp_path / "quarantine.parquet").height == 3


def test_at_the_limit_the_run_goes_on(tmp_path: Path) -> None:
    assert run(table({}, {"code": "T"}), tmp_path, limit=0.5).share == 0.5


def test_all_rows_bad_leaves_an_empty_clean_table(tmp_path: Path) -> None:
    run(table({"code": "T"}), tmp_path)
    clean = pl.read_parquet(tmp_path / "clean.parquet")
    assert clean.height == 0
    assert clean.schema == schema(DATA)


def test_no_bad_rows_leave_an_empty_quarantine(tmp_path: Path) -> None:
    report = run(table({}, {}), tmp_path)
    assert (report.quarantined, report.share, report.by_rule, report.by_column) == (0, 0.0, {}, {})
    assert pl.read_parquet(tmp_path / "quarantine.parquet").schema == QUARANTINE
    assert originals(tmp_path / "quarantine.parquet").is_empty()


def test_a_table_without_rows_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="has 0 rows"):
        run(table({}).clear(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["raw.parquet"]


def test_originals_come_back_as_they_were(tmp_path: Path) -> None:
    run(table({}, {"code": "T", "charged_off": None}, {"amount": "x"}), tmp_path)
    found = originals(tmp_path / "quarantine.parquet")
    assert found.columns == ["row", *GOOD]
    assert found.rows(named=True) == [
        {"row": 1, **GOOD, "id": "2", "code": "T", "charged_off": None},
        {"row": 2, **GOOD, "id": "3", "amount": "x"},
    ]
