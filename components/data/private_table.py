"""The table that private statistics are made from: as it came, in the kinds that the use case gives its columns."""

import tempfile
from pathlib import Path

import polars as pl

from components.core.use_case import UseCase
from components.data.ingest import ingest


def read_table(use_case: UseCase, source: str = "") -> tuple[pl.DataFrame, str]:
    """Take a table in and give its columns their kinds; a cell that is not of its column's kind counts as missing.

    No row is left out, whatever its cells: how many break a rule would be told without noise.

    Args:
        use_case: names the columns and, unless ``source`` does, where the table lies.
        source: path, ``gs://…`` or ``s3://…`` of another table of the same form.

    Returns:
        Numbers as float64, categories as text, dates as they are; and the sha256 of the source's bytes.

    Raises:
        IntegrityError: the use case's own table is not the one that it was written for.
        FairleadError: no such source, or it has other columns.
    """
    with tempfile.TemporaryDirectory() as folder:
        taken = ingest(use_case.data, Path(folder) / "raw.parquet", source or None)
        frame = pl.read_parquet(Path(folder) / "raw.parquet")
    typed = []
    for name, column in use_case.data.columns.items():
        if column.kind in ("int", "float"):
            typed.append(pl.col(name).cast(pl.Float64, strict=False))
        elif column.kind == "category":
            # Codes that a table holds as numbers are named without a decimal point.
            whole = pl.col(name).cast(pl.Int64, strict=False) if frame.schema[name].is_numeric() else pl.col(name)
            typed.append(whole.cast(pl.String))
        else:
            typed.append(pl.col(name))
    return frame.select(typed), taken.data_hash
