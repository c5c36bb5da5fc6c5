"""Replay: repaired rows are checked again; those that pass leave quarantine for the clean table."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from components.core.errors import FairleadError, IntegrityError
from components.core.use_case import Data
from components.data.columns import require_columns, typed
from components.data.expectations import check
from components.data.ingest import open_table
from components.data.quarantine import QUARANTINE, count_rows, next_of, write_clean, write_quarantine


class ReplayReport(BaseModel):
    """What became of the repaired rows."""

    model_config = ConfigDict(frozen=True)

    rows: int
    """Rows in the repaired table."""
    joined: int
    """Rows that passed and are clean now."""
    failed: int
    """Rows that break an expectation still, and stay."""
    already_clean: int
    """Rows that an earlier replay brought in; nothing was done."""
    remaining: int
    """Rows in quarantine now."""
    by_rule: dict[str, int]
    """Rule → rows that failed it this time."""


@dataclass(frozen=True)
class _Split:
    clean: pl.DataFrame
    rows: pl.Series
    """Position in the raw table of each clean row."""
    broken: pl.DataFrame
    """The quarantine."""


def replay(repaired: Path, quarantine: Path, clean: Path, data: Data) -> ReplayReport:
    """Check repaired rows again and bring those that pass back to their places in the clean table.

    After it the clean table is in the order of the raw table, as if the row had come in as repaired. A row that fails
    stays in quarantine under the new reasons, with the original it had. A replay that was killed is finished by the
    next one, and a row that was replayed before is left as it is: running the same replay again changes nothing.

    Args:
        repaired: parquet or CSV with the table's columns, whole rows. A column ``row`` says which position of the raw
            table each belongs to, as in quarantine; without it the rows are found by their id.
        quarantine: as ``check_rows`` wrote it; changed in place.
        clean: likewise.
        data: the expectations.

    Raises:
        FairleadError: a repaired row is in neither file, is there twice, its id is in quarantine more than once, or
            the row at its position has another id (one that did not break an expectation itself).
        IntegrityError: the two files do not belong together.
    """
    _finish(clean, quarantine)
    now = _read(clean, quarantine)
    table, given = _read_repaired(repaired, data)
    rows = _positions(table, given, now, data, repaired)
    waiting = rows.is_in(now.broken["row"].implode())
    order = rows.filter(waiting).arg_sort()
    again, at = table.filter(waiting)[order], rows.filter(waiting)[order]
    seen = {name: now.clean[name] for name, column in data.columns.items() if column.unique}
    checked = check(again, data, at, seen)
    kept = now.broken.unique("row").select("row", "original")
    failed = checked.breaches.join(kept, on="row", how="left", maintain_order="left").select(QUARANTINE.keys())
    others = now.broken.filter(~pl.col("row").is_in(at.implode()))
    broken = pl.concat([others, failed]).sort("row", "rule", "column")
    if again.height:
        table_now = pl.concat([now.clean, checked.clean])[pl.concat([now.rows, checked.rows]).arg_sort()]
        _write(table_now, broken, clean, quarantine, data)
    return ReplayReport(
        rows=table.height,
        joined=checked.clean.height,
        failed=again.height - checked.clean.height,
        already_clean=table.height - again.height,
        remaining=broken["row"].n_unique(),
        by_rule=count_rows(failed, "rule"),
    )


def _read(clean: Path, quarantine: Path) -> _Split:
    """Read both files. The positions of the clean rows are those that quarantine does not hold, in order."""
    table, broken = pl.read_parquet(clean), pl.read_parquet(quarantine)
    held = broken["row"].unique().sort()
    total = table.height + len(held)
    if len(held) and held[-1] >= total:
        raise IntegrityError(
            f"{clean} ({table.height} rows) and {quarantine} ({len(held)} rows, the last at position {held[-1]}) do "
            "not belong together; check the rows of the raw table again"
        )
    everything = pl.int_range(total, eager=True)
    return _Split(table, everything.filter(~everything.is_in(held.implode())), broken)


def _read_repaired(repaired: Path, data: Data) -> tuple[pl.DataFrame, pl.Series | None]:
    with open_table(repaired, str(repaired)) as (found, batches):
        table = pl.from_arrow(pa.Table.from_batches(batches, found))
    assert isinstance(table, pl.DataFrame)
    if table.height == 0:
        raise FairleadError(f"{repaired} has 0 rows; there is nothing to replay")
    if "row" not in table.columns or "row" in data.columns:
        require_columns(table.columns, data, str(repaired))
        return table, None
    rows = table["row"].cast(pl.Int64, strict=False)
    if rows.null_count():
        found_value = table["row"].filter(rows.is_null())[0]
        raise FairleadError(f"{repaired}: row is {found_value!r}; give the position that quarantine has in column row")
    require_columns([c for c in table.columns if c != "row"], data, str(repaired))
    return table.drop("row"), rows


def _positions(table: pl.DataFrame, given: pl.Series | None, now: _Split, data: Data, repaired: Path) -> pl.Series:
    """Find which row of the raw table each repaired row is."""
    rows = given if given is not None else _positions_by_id(table, now, data, repaired)
    twice = rows.filter(rows.is_duplicated())
    if len(twice):
        raise FairleadError(f"{repaired} has row {twice[0]} more than once; keep the one that is right")
    total = now.clean.height + now.broken["row"].n_unique()
    outside = rows.filter((rows < 0) | (rows >= total))
    if len(outside):
        raise FairleadError(f"{repaired} names row {outside[0]}; the raw table has rows 0 to {total - 1}")
    if given is not None:
        _require_same_ids(table, rows, now, data, repaired)
    return rows


def _require_same_ids(table: pl.DataFrame, rows: pl.Series, now: _Split, data: Data, repaired: Path) -> None:
    """Refuse positions of another raw table, which would put repaired rows in the places of others."""
    at_fault = (pl.col("column") == data.row_id).any().over("row")
    waiting = now.broken.filter(~at_fault).select("row", "row_id").unique()
    clean = pl.DataFrame({"row": now.rows, "row_id": now.clean[data.row_id].cast(pl.String)})
    given = pl.DataFrame({"row": rows, "found": typed(table, data)[data.row_id].cast(pl.String)})
    other = given.join(pl.concat([waiting, clean]), on="row", maintain_order="left").filter(
        pl.col("found").ne_missing(pl.col("row_id"))
    )
    if other.height:
        row, found, known = other.row(0)
        raise FairleadError(
            f"{repaired}: row {row} has id {found!r}, but in the raw table it is {known!r}; positions hold for one raw "
            "table only: leave out the column row to find the rows by their ids"
        )


def _positions_by_id(table: pl.DataFrame, now: _Split, data: Data, repaired: Path) -> pl.Series:
    ids = typed(table, data)[data.row_id].cast(pl.String)
    waiting = now.broken.select("row", "row_id").unique()
    several = waiting.filter(pl.col("row_id").is_duplicated() & pl.col("row_id").is_in(ids.implode()))
    if several.height:
        raise FairleadError(
            f"{repaired}: id {several['row_id'][0]} is in quarantine more than once; add the column row, with the "
            "position that quarantine has, to say which row is meant"
        )
    done = pl.DataFrame({"row": now.rows, "row_id": now.clean[data.row_id].cast(pl.String)})
    # An id that is in both files was a duplicate: the one in quarantine is meant.
    known = pl.concat([waiting, done]).unique("row_id", keep="first", maintain_order=True)
    rows = pl.DataFrame({"row_id": ids}).join(known, on="row_id", how="left", maintain_order="left")
    unknown = rows.filter(pl.col("row").is_null())
    if unknown.height:
        raise FairleadError(
            f"{repaired}: {unknown.height} rows have an id that is not in quarantine, the first "
            f"{unknown['row_id'][0]!r}; where the id itself was repaired, add the column row, with the position that "
            "quarantine has"
        )
    return rows["row"]


def _write(table: pl.DataFrame, broken: pl.DataFrame, clean: Path, quarantine: Path, data: Data) -> None:
    """Change both files as one: from the moment that the second scratch file is there, ``_finish`` can complete it."""
    next_clean, next_quarantine = next_of(clean), next_of(quarantine)
    write_clean(table, data, next_clean)
    write_quarantine(broken, next_quarantine)
    _finish(clean, quarantine)


def _finish(clean: Path, quarantine: Path) -> None:
    next_clean, next_quarantine = next_of(clean), next_of(quarantine)
    if next_quarantine.exists():
        if next_clean.exists():
            next_clean.replace(clean)
        next_quarantine.replace(quarantine)
    next_clean.unlink(missing_ok=True)
