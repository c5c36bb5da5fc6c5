"""Logged predictions in parquet: whole files, in a directory for each day and model version."""

import os
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from components.serving.records import Record, iso
from components.serving.sinks.sink import NotWritten

SCHEMA = pa.schema(
    [
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("inputs", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("decision", pa.int64(), nullable=False),
        pa.field("outlier_score", pa.float64()),
        pa.field("outlier", pa.bool_()),
        pa.field("lookups", pa.string()),
        pa.field("latency_ms", pa.float64(), nullable=False),
    ]
)
CHUNK = 500
"""Records converted in one go; no other thread runs Python meanwhile."""


class ParquetSink:
    """Writes records as ``date=DAY/model_version=MODEL-VERSION/….parquet``, many to a file.

    A file appears under its name when it is whole. What has not been written when a process is killed is lost: up to
    ``rows`` records or ``seconds``.

    Args:
        path: the directory; made on the first write.
        rows: most records of a file.
        seconds: a file is written when its oldest record is so old.
    """

    name = "parquet"

    def __init__(self, path: Path, rows: int = 20_000, seconds: float = 60.0) -> None:
        self.path = path
        self.rows = rows
        self.seconds = seconds
        self._number = 0

    def write(self, records: Sequence[Record]) -> None:
        """Write one file for each day and version among the records.

        Raises:
            NotWritten: a file could not be written; those before it are there.
        """
        left = sorted(records, key=_folder)
        for folder, group in groupby(tuple(left), key=_folder):
            part = list(group)
            try:
                self._write(self.path / folder, part)
            except OSError as error:
                raise NotWritten(str(error), left) from error
            left = left[len(part) :]

    def close(self) -> None:
        """Nothing is open between two files."""

    def _write(self, folder: Path, records: Sequence[Record]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        # Names that sort by time, and that no other process uses.
        target = folder / f"{time.time_ns()}-{os.getpid()}-{self._number}.parquet"
        draft = target.with_name(f".{target.name}.draft")
        try:
            parts = [_batch(records[i : i + CHUNK]) for i in range(0, len(records), CHUNK)]
            pq.write_table(pa.Table.from_batches(parts, SCHEMA), draft, compression="zstd")
            draft.rename(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _folder(record: Record) -> str:
    # Only what may stand in a name: a version is a client's word where the bundle is no registered one.
    who = quote(f"{record.model}-{record.version}", safe="")
    return f"date={iso(record.at)[:10]}/model_version={who}"


def _batch(records: Sequence[Record]) -> pa.RecordBatch:
    columns = zip(*records, strict=True)
    return pa.record_batch([pa.array(values, kind.type) for values, kind in zip(columns, SCHEMA, strict=True)], SCHEMA)
