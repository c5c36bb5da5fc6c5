"""What the tests of the prediction log put into it, and a sink that keeps or refuses it."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from components.core.contracts import Field
from components.serving.records import Record, Recorder
from components.serving.scored import ScoredBatch
from components.serving.sinks.sink import NotWritten

FIELDS = (
    Field(name="jobs", kind="int", nullable=True),
    Field(name="amount", kind="float", nullable=True),
    Field(name="bank", kind="category", nullable=True),
    Field(name="approved", kind="date", nullable=True),
)
AT = 1_096_588_800.25
"""2004-10-01, a quarter of a second past midnight UTC."""
DEADLINE = 30.0


def batch(n: int = 1, request_id: str = "call", at: float = AT, **given: object) -> ScoredBatch:
    """One request of n rows; every second row has nothing but missing inputs."""
    odd = np.arange(n) % 2 == 1
    columns = {
        "jobs": np.where(odd, np.nan, np.arange(n, dtype=float)),
        "amount": np.where(odd, np.nan, 0.5 + np.arange(n)),
        "bank": np.array([None if o else f"BANK “{i}”" for i, o in enumerate(odd)], dtype=object),
        "approved": np.where(odd, np.datetime64("NaT"), np.datetime64("2004-01-31")).astype("datetime64[D]"),
    }
    values = {
        "at": at,
        "request_ids": [request_id] * n,
        "row_numbers": list(range(n)),
        "columns": columns,
        "probability": np.arange(n) / (n + 1),
        "decision": (np.arange(n) > n / 2).astype(np.int64),
        "latency_ms": [1.5] * n,
    }
    return ScoredBatch(**{**values, **given})  # type: ignore[arg-type]


def records(n: int = 1, request_id: str = "call", at: float = AT, **given: object) -> list[Record]:
    """The records of one request, as the stable version 3 of model ``loans`` logs them."""
    return Recorder("loans", "3", "stable", FIELDS).records([batch(n, request_id, at, **given)])


def until(done: Callable[[], bool], deadline: float = DEADLINE) -> None:
    """Look again and again until something is so."""
    end = time.monotonic() + deadline
    while not done():
        assert time.monotonic() < end, "not so in time"
        time.sleep(0.005)


class Kept:
    """A sink in memory. It fails while ``failing`` is set, and takes but ``some`` of the records then."""

    name = "kept"

    def __init__(self, rows: int = 100, seconds: float = 0.0) -> None:
        self.rows = rows
        self.seconds = seconds
        self.records: list[Record] = []
        self.writes: list[int] = []
        self.failing: Exception | None = None
        self.some = 0
        self.go = threading.Event()
        self.go.set()
        self.busy = threading.Event()
        self.closed = 0

    def write(self, records: Sequence[Record]) -> None:
        self.busy.set()
        self.go.wait(DEADLINE)
        self.writes.append(len(records))
        if self.failing is not None:
            if self.some:
                self.records += records[: self.some]
                raise NotWritten("in part", records[self.some :])
            raise self.failing
        self.records += records

    def close(self) -> None:
        self.closed += 1
