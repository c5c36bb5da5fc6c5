"""Logged predictions in parquet: whole files, in a directory for each day and model version."""

import os
import time
from collections import defaultdict
from collections.abc import Sequence
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
        pa.field("remedy", pa.string()),
    ]
)
DAY = 86_400_000_000
"""Microseconds."""
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
        # The first array loads pandas where it is installed: now, rather than between two requests.
        pa.array([0])

    def write(self, records: Sequence[Record]) -> None:
        """Write one file for each day and version among the records.

        Raises:
            NotWritten: a file could not be written; those before it are there.
        """
        groups: defaultdict[tuple[int, str, str], list[Record]] = defaultdict(list)
        for record in records:
            groups[record.at // DAY, record.model, record.version].append(record)
        while groups:
            key, part = next(iter(groups.items()))
            try:
                self._write(self.path / _folder(*key), part)
            except OSError as error:
                raise NotWritten(str(error), [r for group in groups.values() for r in group]) from error
            del groups[key]

    def close(self) -> None:
        """Nothing is open between two files."""

    def _write(self, folder: Path, records: Sequence[Record]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        # Names that sort by time, and that no other process uses.
        target = folder / f"{time.time_ns()}-{os.getpid()}-{self._number}.parquet"
        draft = target.with_name(f".{target.name}.draft")
        try:
            pq.write_table(_table(records), draft, compression="zstd")
            draft.rename(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _folder(day: int, model: str, version: str) -> str:
    # Only what may stand in a name: whoever names a model and its version has no say in where files go.
    who = quote(f"{model}-{version}", safe="")
    return f"date={iso(day * DAY)[:10]}/model_version={who}"


def _table(records: Sequence[Record]) -> pa.Table:
    parts = []
    for start in range(0, len(records), CHUNK):
        columns = zip(*records[start : start + CHUNK], strict=True)
        arrays = [pa.array(values, kind.type) for values, kind in zip(columns, SCHEMA, strict=True)]
        parts.append(pa.record_batch(arrays, SCHEMA))
        # Let a thread in that waits to answer requests.
        time.sleep(0.0002)
    return pa.Table.from_batches(parts, SCHEMA)
