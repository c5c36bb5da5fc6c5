"""Live traffic from history: a table's rows as requests in the order of their time, and later what became of them."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from components.core.artifacts import whole_directory
from components.core.contracts import Field
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.serving.outcomes import record_outcomes
from components.training.labels import with_label
from components.training.v2_request import v2_body
from pipelines.benchmarks.serving.open_loop import Held, hold

BEAT = 0.25
"""Seconds between two batches of outcomes."""


@dataclass(frozen=True)
class Call:
    """One row as a client sends it.

    Args:
        id: of the row; the request has it, and the outcome comes under it.
        body: V2 request.
        label: 1 bad, 0 good, as hindsight knows it.
    """

    id: str
    body: bytes
    label: int


def history(use_case: UseCase, folder: Path) -> Path:
    """Make the table's rows with their histories as known at each row's own time; what is there is used again.

    Args:
        use_case: whose table.
        folder: to keep them in.

    Returns:
        ``features.parquet``, as the pipeline's step ``build_features`` writes it.
    """
    # Feast takes seconds to import, and only the first call needs it.
    from components.data.ingest import ingest
    from components.data.repaired import check_with_repairs
    from components.features.store import build_features

    target = folder / use_case.name
    if not target.exists():
        with whole_directory(target) as scratch:
            ingest(use_case.data, scratch / "raw.parquet")
            check_with_repairs(
                scratch / "raw.parquet", use_case.data, scratch / "clean.parquet", scratch / "quarantine.parquet", ""
            )
            build_features(scratch / "clean.parquet", use_case, scratch / "store", scratch / "features.parquet")
    return target / "features.parquet"


def calls(features: Path, use_case: UseCase, fields: Sequence[Field], first: date, n: int) -> list[Call]:
    """Take n rows from a day on, in the order of their time.

    Args:
        features: see ``history``.
        use_case: says when an outcome counts.
        fields: the contract's inputs.
        first: day of the first row.
        n: at most so many.
    """
    later = pl.read_parquet(features).filter(pl.col("event_time") >= first).sort("event_time", "row_id").head(n)
    frame = with_label(later, use_case.labels.maturity_months)
    columns = from_frame(frame, fields)
    made = []
    for i, (name, label) in enumerate(
        frame.select(pl.col("row_id").cast(pl.String), pl.col("label").cast(pl.Int64)).iter_rows()
    ):
        one = {f.name: columns[f.name][i : i + 1] for f in fields}
        made.append(Call(name, json.dumps(v2_body(one, fields, name)).encode(), label))
    return made


def send(url: str, made: Sequence[Call], rate: float, outcomes: Path, delay: float, clients: int = 16) -> Held:
    """Send calls at a fixed rate, each once, and record every outcome some time after its call.

    Args:
        url: a V2 infer route.
        made: what to send.
        rate: requests a second.
        outcomes: SQLite file for the outcomes.
        delay: seconds from a call to its outcome; in real life three years, here a moment.
        clients: connections.

    Returns:
        What became of the requests.
    """
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(made, rate, outcomes, delay, done), daemon=True)
    teller.start()
    try:
        return hold(url, [call.body for call in made], clients, rate, len(made) / rate, warm_up=0.0)
    finally:
        done.set()
        teller.join()


def _tell(made: Sequence[Call], rate: float, outcomes: Path, delay: float, done: threading.Event) -> None:
    start, told = time.monotonic(), 0
    while told < len(made):
        stopped = done.wait(BEAT)
        due = len(made) if stopped else min(len(made), int(max(0.0, time.monotonic() - start - delay) * rate))
        if due > told:
            part = made[told:due]
            frame = pl.DataFrame({"request_id": [c.id for c in part], "label": [c.label for c in part]})
            record_outcomes(outcomes, frame.with_columns(known_at=pl.lit(datetime.now(UTC))))
            told = due
