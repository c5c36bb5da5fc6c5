"""An outlet of the prediction log: a bounded queue before one sink, and the thread that empties it."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from components.serving.records import Record, Recorder, pieces
from components.serving.scored import ScoredBatch
from components.serving.sinks.sink import NotWritten, Sink

logger = logging.getLogger("kserve.fairlead")

TICK = 0.05
"""Seconds between two looks at an empty queue. Waking the thread at each request would cost the request."""
AT_ONCE = 128
"""Most rows turned into records in one go. It takes about a millisecond, in which no other thread runs Python."""
GIVE_UP = 30.0
"""Seconds for which a write is tried again: a broker that restarts costs nothing, as long as the queue has room."""
PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before the second attempt; twice as long before each further one, up to the second number."""
CAPACITY_BYTES = 200_000_000
"""Most that an outlet holds. A row with two dozen inputs and no long text takes about 1 kB among others, and 8 kB in a
batch of its own."""
UNWEIGHED = 1_000
"""Rows in the queue up to which a batch is taken without being weighed: as long as the thread keeps up, nobody pays."""
QUIET = 30.0
"""Seconds in which a failing sink is logged once."""


@dataclass(frozen=True)
class Counts:
    """What became of the rows that were handed to an outlet; they sum up to all of them."""

    written: int = 0
    """In the sink."""
    dropped: int = 0
    """Refused because there was no room, in rows or in bytes; or left in the queue at the end."""
    failed: int = 0
    """Given up after the sink failed, or refused by it for good."""
    left_out: int = 0
    """Not in the sample."""
    waiting: int = 0
    """In the queue."""
    errors: int = 0
    """Failed attempts to write, of any number of rows."""


class Outlet:
    """Takes scored batches at once and writes them when it can.

    What it holds is bounded in rows and, as rows may have long text, in bytes. Not in these bytes are up to
    ``UNWEIGHED`` rows and one batch, for which the limits of the door stand, and what the records of a write, in JSON,
    take beyond their batches.

    Args:
        name: what the sink is called in logs.
        sink: where to.
        recorder: makes records.
        capacity_rows: most rows that wait.
        capacity_bytes: most memory that they take, as estimated.
    """

    def __init__(
        self, name: str, sink: Sink, recorder: Recorder, capacity_rows: int, capacity_bytes: int = CAPACITY_BYTES
    ) -> None:
        self.name = name
        self.sink = sink
        self._recorder = recorder
        self._capacity, self._capacity_bytes = capacity_rows, capacity_bytes
        self._batches: deque[tuple[ScoredBatch, int]] = deque()
        """Each with its weight; 0 for those not weighed."""
        self._queued = self._held = 0
        """Rows of ``_batches``; bytes of these and of ``_pending``."""
        self._pending: list[Record] = []
        self._oldest = 0.0
        self._lock = threading.Lock()
        self._refused = self._offered = self._abandoned = 0
        self._written = self._failed = self._left_out = self._errors = 0
        self._logged = -QUIET
        self._closing, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"log-{name}", daemon=True)
        self._thread.start()

    def offer(self, batch: ScoredBatch, rows: int) -> None:
        """Take a batch, or count its rows as dropped when there is no room. Never waits for the sink."""
        weight = 0 if self._queued + rows <= UNWEIGHED else _bytes_of(batch)
        with self._lock:  # shared with others who offer, for a few instructions
            full = self._offered - self._settled() + rows > self._capacity
            if full or self._held + weight > self._capacity_bytes or self._closing.is_set():
                self._refused += rows
                return
            self._offered += rows
            self._queued += rows
            self._held += weight
            self._batches.append((batch, weight))

    def counts(self) -> Counts:
        """Say what became of the rows so far."""
        with self._lock:
            settled = self._settled()
            return Counts(
                self._written,
                self._refused + self._abandoned,
                self._failed,
                self._left_out,
                self._offered - settled - self._abandoned,
                self._errors,
            )

    def begin_close(self) -> None:
        """Take no more, and write what waits."""
        with self._lock:
            self._closing.set()

    def close(self, deadline: float) -> None:
        """Wait until all is written, at most until a time of ``time.monotonic``; what is left then is dropped."""
        self.begin_close()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._over.set()
            self._abandoned = self._offered - self._settled()
        if self._abandoned:
            logger.warning("prediction log, %s: %d rows left at the end are dropped", self.name, self._abandoned)

    def _settled(self) -> int:
        return self._written + self._failed + self._left_out

    def _work(self) -> None:
        while not self._over.is_set():
            closing = self._closing.is_set()
            if closing and not self._batches and not self._pending:
                break
            if not self._batches and not closing:
                self._closing.wait(TICK)
            self._convert()
            if self._due():
                self._hand_over()
        self._close_sink()

    def _convert(self) -> None:
        batches: list[ScoredBatch] = []
        rows = weight = 0
        while self._batches and rows < AT_ONCE:
            batch, weighed = self._batches.popleft()
            batches.append(batch)
            rows += len(batch.request_ids)
            weight += weighed
        if not batches:
            return
        self._hold(-weight, -rows)
        if not self._pending:
            self._oldest = time.monotonic()
        for few in pieces(batches, AT_ONCE):
            made = self._records(few)
            self._hold(sum(map(_bytes_of_record, made)))
            self._pending += made
            # Long enough to let a thread in that waits to answer requests.
            time.sleep(0.0002)

    def _records(self, batches: Sequence[ScoredBatch]) -> list[Record]:
        rows = sum(len(b.request_ids) for b in batches)
        try:
            made = self._recorder.records(batches)
        except Exception as error:
            if len(batches) > 1:  # one odd batch must not take the others with it
                return [record for batch in batches for record in self._records([batch])]
            self._tell(f"{rows} rows cannot be written down: {error!r}")
            self._count(failed=rows, errors=1)
            return []
        self._count(left_out=rows - len(made))
        return made

    def _due(self) -> bool:
        if not self._pending:
            return False
        last = self._closing.is_set() and not self._batches
        return last or len(self._pending) >= self.sink.rows or time.monotonic() - self._oldest >= self.sink.seconds

    def _hand_over(self) -> None:
        records = self._pending[: self.sink.rows]
        self._pending = self._pending[self.sink.rows :]
        weight = sum(map(_bytes_of_record, records))
        self._persist(records)
        self._hold(-weight)

    def _persist(self, records: list[Record]) -> None:
        """Write again and again, until all is written or given up."""
        end, pause = time.monotonic() + GIVE_UP, PAUSE
        while True:
            records = self._write(records)
            if not records:
                return
            if time.monotonic() + pause > end:
                break
            if self._over.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)
        self._count(failed=len(records))

    def _write(self, records: list[Record]) -> list[Record]:
        """Try once, and count; gives back what did not arrive and yet may."""
        left: list[Record] = []
        refused = errors = 0
        try:
            self.sink.write(records)
        except NotWritten as error:
            left, refused, errors = list(error.records), len(error.refused), 1
            self._tell(f"{len(left) + refused} of {len(records)} rows not written: {error}")
        except Exception as error:
            left, errors = records, 1
            self._tell(f"{len(left)} rows not written: {error!r}")
        self._count(written=len(records) - len(left) - refused, failed=refused, errors=errors)
        return left

    def _count(self, written: int = 0, failed: int = 0, left_out: int = 0, errors: int = 0) -> None:
        with self._lock:
            if not self._over.is_set():  # after the end they were counted as dropped
                self._written += written
                self._failed += failed
                self._left_out += left_out
                self._errors += errors

    def _hold(self, weight: int, rows: int = 0) -> None:
        with self._lock:
            self._held += weight
            self._queued += rows

    def _tell(self, text: str) -> None:
        """Log a failure, unless one was logged a moment ago: a place that is down fails many times a second."""
        now = time.monotonic()
        if now - self._logged >= QUIET:
            self._logged = now
            logger.warning("prediction log, %s: %s; further failures are counted under /metrics", self.name, text)

    def _close_sink(self) -> None:
        try:
            self.sink.close()
        except Exception as error:
            logger.warning("prediction log, %s: not closed in order: %r", self.name, error)


def _bytes_of(batch: ScoredBatch) -> int:
    """Estimate the memory of a batch: the text for certain, arrays and lists by their usual size."""
    width, rows = len(batch.columns), len(batch.request_ids)
    # Rows of one request share its id.
    text = sum(map(sys.getsizeof, set(batch.request_ids))) + sum(map(sys.getsizeof, batch.lookups or ()))
    for values in batch.columns.values():
        if values.dtype.kind == "O":
            text += sum(map(sys.getsizeof, values.tolist()))
    return 1_000 + 250 * width + rows * (100 + 8 * width) + text


def _bytes_of_record(record: Record) -> int:
    return 400 + sys.getsizeof(record.inputs) + sys.getsizeof(record.request_id)
