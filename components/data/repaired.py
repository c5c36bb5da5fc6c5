"""Repaired rows in a run: the step that checks the raw table takes them in, so that what follows is trained on them."""

import tempfile
from pathlib import Path

import polars as pl

from components.core.artifacts import hash_file
from components.core.use_case import Data
from components.data.quarantine import QuarantineReport, count, require_within_limit, sort_rows
from components.data.replay import replay
from components.data.sources import fetch


def check_with_repairs(raw: Path, data: Data, clean: Path, quarantine: Path, repaired: str) -> QuarantineReport:
    """Check every row of the raw table, then let repaired rows take the places of those that they mend.

    The result is that of a raw table which had held the repaired rows from the start, and the limit is judged on it:
    it guards against training on what is left of a broken table, and a repaired row is not missing from it. How many
    were repaired, and the hash of the table that repaired them, stand in the report. A repaired row that breaks an
    expectation still stays in quarantine and counts there.

    Args:
        raw: parquet file as ingest writes it.
        data: the expectations.
        clean: parquet file to write.
        quarantine: parquet file to write; both are written before the limit is judged.
        repaired: where the table of repaired rows is, as ``components.data.replay`` takes it: a path, ``gs://…`` or
            ``s3://…``; empty for none.

    Raises:
        QuarantineLimitExceeded: a larger share than ``data.quarantine_limit`` is in quarantine after the repairs.
        FairleadError: the tables cannot be read, or a repaired row belongs to no row of the raw table.
    """
    if not repaired:
        report = sort_rows(raw, data, clean, quarantine)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = fetch(repaired, Path(folder))
            rows = sort_rows(raw, data, clean, quarantine).rows
            done = replay(path, quarantine, clean, data)
            origin = {"repaired": done.joined, "repaired_sha256": hash_file(path)}
        report = count(rows, pl.read_parquet(quarantine), data).model_copy(update=origin)
    require_within_limit(report, quarantine)
    return report
