"""Tables, good and bad, that TFDV is let loose on."""

from pathlib import Path

import polars as pl

from components.core.use_case import SHIPPED, load
from components.data.ingest import ingest
from components.data.schema_report import SchemaReport
from tests.environments import ROOT, run_in

FEW = 4_000
"""Rows enough for structure, and few enough that no year is compared with another."""


def _structure(few: pl.DataFrame) -> dict[str, pl.DataFrame]:
    number = pl.int_range(pl.len())
    return {
        "few": few,
        "missing_column": few.drop("NoEmp"),
        "extra_column": few.with_columns(Rating=pl.lit("A")),
        "number_now_text": few.with_columns(GrAppv=pl.format("${},-", "GrAppv")),
        "text_now_number": few.with_columns(Bank=pl.lit(7)),
        "date_now_number": few.with_columns(ApprovalDate=pl.lit(19_980_101)),
        "whole_now_broken": few.with_columns(NoEmp=pl.col("NoEmp") + 0.5),
        "new_code": few.with_columns(LowDoc=pl.when(number % 5 == 0).then(pl.lit("Q")).otherwise("LowDoc")),
        "rare_code": few.with_columns(LowDoc=pl.when(number % 500 == 0).then(pl.lit("Q")).otherwise("LowDoc")),
        "no_values": few.with_columns(Bank=pl.lit(None, dtype=pl.String)),
        "many_missing": few.with_columns(State=pl.when(number % 10 > 0).then("State")),
        "as_text": few.with_columns(pl.all().cast(pl.String)),
        "few_wrong": few.with_columns(GrAppv=pl.when(number % 100 == 0).then(pl.lit("n/a")).otherwise("GrAppv")),
        "empty": few.drop("NoEmp").clear(),
        "other_use_case": few.drop("NoEmp"),
    }


def _in_two_years(table: pl.DataFrame) -> pl.DataFrame:
    """Shuffle 20,000 rows and date one half in 2000, mature by the end of 2003, and one in 2004."""
    sample = table.sample(20_000, shuffle=True, seed=3)
    later = pl.int_range(pl.len()) % 2 == 1
    day = pl.when(later).then(pl.datetime(2004, 6, 1)).otherwise(pl.datetime(2000, 6, 1))
    return sample.with_columns(ApprovalDate=day)


def _staged(shuffled: pl.DataFrame) -> pl.DataFrame:
    later = pl.col("ApprovalDate").dt.year() == 2004
    return shuffled.with_columns(
        GrAppv=pl.when(later).then(pl.col("GrAppv") * 2).otherwise("GrAppv"),
        NewExist=pl.when(later & (pl.int_range(pl.len()) % 3 == 0)).then(2.0).otherwise("NewExist"),
    )


def validate_all(folder: Path) -> None:
    """Write the tables into a folder and have each validated in the environment ``tfdv``, all in one process."""
    ingest(load("sba_loans").data, folder / "whole.parquet")
    whole = pl.read_parquet(folder / "whole.parquet")
    shuffled = _in_two_years(whole)
    tables = {**_structure(whole.sample(FEW, seed=1)), "random_halves": shuffled, "staged": _staged(shuffled)}
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    text = (SHIPPED / "sba_loans.yaml").read_text()
    (folder / "other_use_case.yaml").write_text(text.replace("name: sba_loans", "name: my_loans"))
    run_in("tfdv", ROOT / "tests" / "data" / "in_tfdv.py", folder)


def report(folder: Path, name: str) -> SchemaReport:
    """Read what was found about a table."""
    return SchemaReport.model_validate_json((folder / f"{name}.json").read_text())
