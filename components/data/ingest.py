"""Ingest: copy the raw table to parquet as it came, in chunks, with the hash of the source's bytes."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from components.core.artifacts import hash_file, whole_file
from components.core.errors import FairleadError, IntegrityError, unknown
from components.core.use_case import Data
from components.data.columns import require_columns
from components.data.sources import BLOCK, fetch

CHUNK = 131_072
"""Rows that are held at a time."""


class Ingested(BaseModel):
    """What was ingested."""

    model_config = ConfigDict(frozen=True)

    source: str
    rows: int
    columns: list[str]
    data_hash: str
    """sha256 of the source's bytes."""


def ingest(data: Data, target: Path, source: str | None = None) -> Ingested:
    """Copy the raw table from its source to a parquet file, values as they came.

    Nothing is judged row by row here: a CSV's cells stay text, so that a wrong value is found, and kept, with its row.

    Args:
        data: names the columns; those in ``data.drop`` are left behind.
        target: parquet file to write; it is there in whole or not at all.
        source: takes the place of ``data.source``; its content is then not compared with ``data.sha256``.

    Raises:
        IntegrityError: the configured source has another content hash than ``data.sha256``.
        ContractViolation: a column is missing or one too many.
        FairleadError: no such source, empty, unreadable, or of an unknown scheme or ending.
    """
    where = source or data.source
    with tempfile.TemporaryDirectory() as folder:
        path = fetch(where, Path(folder))
        if path.stat().st_size == 0:
            raise FairleadError(f"{where} is empty (0 bytes); nothing to ingest")
        data_hash = hash_file(path)
        if data.sha256 and where == data.source and data_hash != data.sha256:
            raise IntegrityError(
                f"{where} is not the table that the use case was written for: sha256 is {data_hash}, data.sha256 says "
                f"{data.sha256}. Restore the file, or set data.sha256 if the table was changed on purpose"
            )
        rows = _copy(path, target, data, where)
    return Ingested(source=where, rows=rows, columns=list(data.columns), data_hash=data_hash)


@contextmanager
def open_table(path: Path, where: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Open a parquet or CSV file, by its ending, as a schema and batches of rows.

    Dictionary columns become plain ones, all integers int64, all floats float64; a CSV's columns are text, with empty
    cells null.

    Args:
        path: the file.
        where: what to call it in an error.

    Raises:
        FairleadError: unknown ending, unreadable, or a column of a type that has no plain form; a row that cannot be
            read raises while the batches are taken.
    """
    ending = path.suffix.lower()
    if ending not in _READERS:
        raise unknown("ending", ending or where, _READERS, f"{where} has to be parquet or CSV.")
    with path.open("rb") as file:
        with _reading(where, ending):
            found, batches = _READERS[ending](file)
        schema = pa.schema([(f.name, _plain(f.name, f.type, where)) for f in found])
        yield schema, _cast(batches, schema, where, ending)


@contextmanager
def _reading(where: str, ending: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, csv.Error, OSError, UnicodeDecodeError) as error:
        raise FairleadError(f"{where} cannot be read as {ending.removeprefix('.')}: {error}") from error


def _cast(batches: Iterator[pa.RecordBatch], schema: pa.Schema, where: str, ending: str) -> Iterator[pa.RecordBatch]:
    while True:
        with _reading(where, ending):
            batch = next(batches, None)
            if batch is None:
                return
            batch = batch.cast(schema)
        if batch.num_rows:
            yield batch


def _copy(path: Path, target: Path, data: Data, where: str) -> int:
    rows = 0
    with open_table(path, where) as (found, batches):
        # A list of names, not a set: a column that is there twice must not go unnoticed.
        require_columns([n for n in found.names if n not in data.drop], data, where)
        names = list(data.columns)
        schema = pa.schema([found.field(name) for name in names])
        with whole_file(target) as scratch:
            with pq.ParquetWriter(scratch, schema) as writer:
                for batch in batches:
                    rows += batch.num_rows
                    writer.write_batch(batch.select(names))
            if rows == 0:
                raise FairleadError(f"{where} is empty: it has the columns and 0 rows; nothing to ingest")
    return rows


def _read_parquet(file: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    table = pq.ParquetFile(file)
    return table.schema_arrow, table.iter_batches(CHUNK)


def read_csv(file: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open a CSV file with a header, in UTF-8, as batches of text; empty cells are null.

    Raises:
        ArrowInvalid: no header, or later, while batches are taken, a row with another number of cells.
    """
    header = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    names = next((row for row in csv.reader(header) if row), [])
    header.detach()
    file.seek(0)
    text = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    parsing = pa_csv.ParseOptions(newlines_in_values=True)
    batches = pa_csv.open_csv(file, pa_csv.ReadOptions(block_size=BLOCK), parsing, text)
    return batches.schema, iter(batches)


_READERS: dict[str, Callable[[IO[bytes]], tuple[pa.Schema, Iterator[pa.RecordBatch]]]] = {
    ".parquet": _read_parquet,
    ".csv": read_csv,
}


def _plain(name: str, found: pa.DataType, where: str) -> pa.DataType:
    if pa.types.is_dictionary(found):
        return _plain(name, found.value_type, where)
    if pa.types.is_boolean(found) or pa.types.is_date32(found):
        return found
    for is_one, plain in _PLAIN:
        if is_one(found):
            return plain
    raise FairleadError(
        f"{where}: column {name!r} has type {found}; allowed: numbers, text, booleans, dates and timestamps"
    )


_PLAIN: list[tuple[Callable[[pa.DataType], bool], pa.DataType]] = [
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_decimal, pa.float64()),
    (pa.types.is_string, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_null, pa.string()),
    (pa.types.is_date64, pa.date32()),
    (pa.types.is_timestamp, pa.timestamp("us")),
]
"""Arrow's kinds of types and the one that stands for each."""
