"""The UCI table of credit card clients: 30,000 rows, from its archive into columns that say what they hold.

The archive's own column names are in the wrong order: they run from April to September, and the columns from September
to April (Yeh and Lien, "The comparisons of data mining techniques for the predictive accuracy of probability of default
of credit card clients", Expert Systems with Applications 36, 2009: X6 is September 2005, X11 is April). The amounts say
the same: of what is called paid in April, 4,066 amounts are to the dollar what is called the bill of May, which nobody
could have paid by then; read backwards they are payments of the month after the bill.
"""

import argparse
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from components.core.artifacts import hash_file, whole_file
from components.core.errors import FairleadError, IntegrityError

ARCHIVE_SHA256 = "4a91339c69f55e18f3f48004328fbcb7868070b618208fed099920427b084e5e"
MEMBER = "credit/credit.csv"

MONTHS = ("sep", "aug", "jul", "jun", "may", "apr")
"""The months of 2005 in the order in which the columns really come."""

_CALLED = ("apr", "may", "jun", "jul", "aug", "sep")
"""What the archive calls them."""

STATEMENT_DAY, MONTH_AFTER = date(2005, 10, 1), date(2005, 10, 31)
"""The day on which September's statement is known; the last day of the month whose payment is the outcome. The source
gives months alone: one day for all rows, so that this table has no course of time."""


def build(archive: Path, target: Path) -> int:
    """Write the table as parquet and return its number of rows.

    Args:
        archive: ``uci_default_credit.zip``.
        target: parquet file to write; it is there in whole or not at all.

    Raises:
        IntegrityError: the archive is another one.
        FairleadError: there is no such file.
    """
    if not archive.is_file():
        raise FairleadError(f"no archive at {archive}; it ships as {archive.name} in components/data/samples")
    found = hash_file(archive)
    if found != ARCHIVE_SHA256:
        raise IntegrityError(f"{archive} has sha256 {found}; the table was described for {ARCHIVE_SHA256}")
    with zipfile.ZipFile(archive) as opened:
        raw = pl.read_csv(io.BytesIO(opened.read(MEMBER)))
    table = rename(raw)
    with whole_file(target) as scratch:
        table.write_parquet(scratch, compression="zstd", compression_level=19, statistics=False)
    return table.height


def rename(raw: pl.DataFrame) -> pl.DataFrame:
    """Give n rows of the archive's table their true months, a number, and the days of statement and outcome.

    >>> raw = pl.DataFrame({"limit": [20000], "sex": [2], "edu": [2], "married": [1], "age": [24], "default": [1],
    ...     **{f"{m}_{what}": [k] for what in ("delay", "bill", "pay") for k, m in enumerate(_CALLED)}})
    >>> rename(raw).select("client", "delay_sep", "bill_aug", "paid_apr", "default_day").row(0)
    (1, 0, 1, 5, datetime.date(2005, 10, 31))
    """
    kinds = {"delay": "delay", "bill": "bill", "pay": "paid"}
    months = [
        pl.col(f"{called}_{theirs}").alias(f"{ours}_{month}")
        for theirs, ours in kinds.items()
        for called, month in zip(_CALLED, MONTHS, strict=True)
    ]
    return raw.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("client"),
        pl.lit(STATEMENT_DAY).alias("statement_day"),
        "limit",
        *(pl.col(old).cast(pl.String).alias(new) for old, new in (("sex", "sex"), ("edu", "education"))),
        pl.col("married").cast(pl.String).alias("marriage"),
        "age",
        *months,
        "default",
        pl.when(pl.col("default") == 1).then(pl.lit(MONTH_AFTER)).alias("default_day"),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.data.card_clients", description="Build the table from its archive."
    )
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    given = parser.parse_args(arguments)
    print(f"{given.target}: {build(given.archive, given.target):,} rows")


if __name__ == "__main__":
    main()
