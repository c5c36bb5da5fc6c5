"""Quarantine: rows that break an expectation are set aside with the reasons, and come back once they are repaired."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from components.core.artifacts import whole_file
from components.core.errors import FairleadError, QuarantineLimitExceeded
from components.core.use_case import Data
from components.data.columns import as_text, schema
from components.data.expectations import BREACH, check
from components.data.ingest import CHUNK

QUARANTINE = {**BREACH, "original": pl.String()}
"""Columns of ``quarantine.parquet``, one row for each broken rule; ``original`` is the whole raw row as a JSON object,
each value as text, null where there was none."""


class QuarantineReport(BaseModel):
    """How many rows were kept and how many set aside, and why."""

    model_config = ConfigDict(frozen=True)

    rows: int
    kept: int
    quarantined: int
    share: float
    """Part of the rows that was set aside."""
    limit: float
    by_rule: dict[str, int]
    """Rule → rows that break it, most first. A row that breaks two rules counts in both."""
    by_column: dict[str, int]
    """Column → rows with a breach put down to it, most first."""
    repaired: int = 0
    """Rows that broke an expectation as they came, were repaired, and are among those kept."""
    repaired_sha256: str | None = None
    """Content hash of the table of repaired rows, where there was one."""

    def table(self) -> str:
        """Write rule → rows as text."""
        width = max(map(len, [*self.by_rule, "rule"]))
        return "\n".join(f"{rule:<{width}}  {count:>9}" for rule, count in [("rule", "rows"), *self.by_rule.items()])


def check_rows(raw: Path, data: Data, clean: Path, quarantine: Path) -> QuarantineReport:
    """Check every row as ``sort_rows`` does, and stop where too many are bad.

    Raises:
        QuarantineLimitExceeded: a larger share than ``data.quarantine_limit`` was set aside; the text has the counts.
        FairleadError: as ``sort_rows``.
    """
    report = sort_rows(raw, data, clean, quarantine)
    require_within_limit(report, quarantine)
    return report


def sort_rows(raw: Path, data: Data, clean: Path, quarantine: Path) -> QuarantineReport:
    """Check every row; write those that pass to one file and the others, with every reason, to another.

    The table is taken in chunks: memory holds one chunk, the broken rows and the values of unique columns.

    Args:
        raw: parquet file as ingest writes it.
        data: the expectations.
        clean: parquet file to write: typed rows in the raw order.
        quarantine: parquet file to write, see ``QUARANTINE``.

    Raises:
        FairleadError: the table has no rows or a wrong column, or a rule cannot be used.
    """
    # A replay of the last outcome that was killed must not be finished on top of this one.
    for path in (quarantine, clean):
        next_of(path).unlink(missing_ok=True)
    rows, seen, broken = 0, None, [pl.DataFrame(schema=QUARANTINE)]
    with whole_file(clean) as scratch, pq.ParquetWriter(scratch, _arrow_schema(data)) as writer:
        for frame in _chunks(raw):
            position = pl.int_range(rows, rows + frame.height, eager=True)
            checked = check(frame, data, position, seen)
            writer.write_table(_to_arrow(checked.clean, data))
            broken.append(with_originals(checked.breaches, frame, position))
            rows, seen = rows + frame.height, checked.seen
        if rows == 0:
            raise FairleadError(f"{raw} has 0 rows; there is nothing to check")
    breaches = pl.concat(broken)
    write_quarantine(breaches, quarantine)
    return count(rows, breaches, data)


def require_within_limit(report: QuarantineReport, quarantine: Path) -> None:
    """Stop where a larger share of the rows than the limit is in quarantine.

    Raises:
        QuarantineLimitExceeded: the text has the counts.
    """
    if report.share > report.limit:
        raise QuarantineLimitExceeded(
            f"{report.quarantined} of {report.rows} rows ({report.share:.2%}) break an expectation; "
            f"data.quarantine_limit is {report.limit:.2%}\n{report.table()}\nThe rows are in {quarantine}: mend the "
            "table at its source, run again with --repaired and a table of repaired rows, or correct the expectation "
            "that is wrong"
        )


def write_quarantine(breaches: pl.DataFrame, target: Path) -> None:
    """Write breaches, with their originals, in order of rows."""
    with whole_file(target) as scratch:
        breaches.select(QUARANTINE.keys()).write_parquet(scratch)


def write_clean(table: pl.DataFrame, data: Data, target: Path) -> None:
    """Write typed rows with the same column types as ``check_rows`` does."""
    with whole_file(target) as scratch:
        pq.write_table(_to_arrow(table, data), scratch)


def next_of(path: Path) -> Path:
    """Name the file that a replay writes before it takes the place of ``path``."""
    return path.with_name(f".{path.name}.next")


def originals(quarantine: Path) -> pl.DataFrame:
    """Give the quarantined rows back as they came, to be repaired: the position ``row``, then the table's columns.

    A table that has a column ``row`` of its own comes without the position.

    Returns:
        One row for each quarantined row, in order of the raw table; values as text, null where there was none.
    """
    once = pl.read_parquet(quarantine, columns=["row", "original"]).unique("row", keep="first").sort("row")
    cells = [json.loads(text) for text in once["original"]]
    table = pl.DataFrame(cells, schema=dict.fromkeys(cells[0] if cells else [], pl.String))
    return table if "row" in table.columns else table.insert_column(0, once["row"])


def count(rows: int, breaches: pl.DataFrame, data: Data) -> QuarantineReport:
    """Count what is in quarantine of a table of so many rows."""
    quarantined = breaches["row"].n_unique()
    return QuarantineReport(
        rows=rows,
        kept=rows - quarantined,
        quarantined=quarantined,
        share=quarantined / rows,
        limit=data.quarantine_limit,
        by_rule=count_rows(breaches, "rule"),
        by_column=count_rows(breaches, "column"),
    )


def count_rows(breaches: pl.DataFrame, by: str) -> dict[str, int]:
    """Count the rows that each rule (or column) sets aside, most first."""
    counts = (
        breaches.group_by(by).agg(pl.col("row").n_unique().alias("rows")).sort("rows", by, descending=[True, False])
    )
    return dict(counts.iter_rows())


def with_originals(breaches: pl.DataFrame, frame: pl.DataFrame, position: pl.Series) -> pl.DataFrame:
    """Put the whole raw row beside each breach, as ``QUARANTINE`` has it.

    Args:
        breaches: one row for each broken rule.
        frame: the raw rows.
        position: of each of them in the raw table, shape (n,).
    """
    cells = [as_text(name, dtype).alias(name) for name, dtype in frame.schema.items()]
    broken = position.is_in(breaches["row"].unique().implode())
    texts = frame.filter(broken).select(pl.struct(cells).struct.json_encode().alias("original"))
    texts = texts.with_columns(row=position.filter(broken))
    return breaches.join(texts, on="row", how="left", maintain_order="left")


def _chunks(raw: Path) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(raw) as table:
        for batch in table.iter_batches(CHUNK):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame


def _to_arrow(table: pl.DataFrame, data: Data) -> pa.Table:
    return table.to_arrow().cast(_arrow_schema(data))


def _arrow_schema(data: Data) -> pa.Schema:
    empty: pa.Table = pl.DataFrame(schema=schema(data)).to_arrow()
    return empty.schema
