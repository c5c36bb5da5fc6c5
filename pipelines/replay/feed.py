"""The clients of the replay: loans as V2 requests, and what becomes of them told to the prediction log."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from components.core.contracts import Entity, Field
from components.core.errors import FairleadError
from components.features.rows import from_frame
from components.serving.outcomes import record_outcomes
from components.training.v2_request import v2_body

BATCH = 250
"""Rows of one request where nobody counts requests."""
TRIES = 5
"""Times that a client sends a request that got no answer."""
PAUSE = 0.05
"""Seconds that it waits before the second time, twice as long before each further one."""
ASK_SECONDS = 0.1
"""So often is asked whether loans are to come."""
CLIENTS = 4
"""Connections while a rollout runs."""


@dataclass
class Feed:
    """Sends loans and remembers under which request each went, so that its outcome can be told later.

    A client whose request fails sends it again, as clients do; each failure is counted.

    Args:
        url: a V2 infer route.
        fields: the contract's inputs.
        entities: those of the contract.
        outcomes: file of the prediction log, which takes the outcomes.
    """

    url: str
    fields: Sequence[Field]
    entities: Sequence[Entity]
    outcomes: Path
    requests: int = 0
    failed: int = 0
    _sent: list[pl.DataFrame] = field(default_factory=list)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def send(self, loans: pl.DataFrame) -> None:
        """Send loans, many to a request, in order.

        Raises:
            FairleadError: a request gets no answer, or another one than 200.
        """
        with _connection(self.url) as connection:
            for start in range(0, len(loans), BATCH):
                part = loans[start : start + BATCH]
                self._send(connection, part, f"{part['row_id'][0]}+{len(part)}")

    @contextmanager
    def live(self, loans: pl.DataFrame, rate: float, come: Callable[[], bool] = lambda: True) -> Iterator["Live"]:
        """Send loans one by one for as long as the block lasts, at a fixed rate, and no loan twice.

        Args:
            loans: at most these, in order.
            rate: requests a second, if the clients can keep it up.
            come: asked again and again; while it says no, none is sent.
        """
        running = Live(self, loans, rate, come)
        try:
            yield running
        finally:
            running.stop()

    def tell(self, outcomes: pl.DataFrame) -> int:
        """Record outcomes of loans that were sent; those of others are nobody's here.

        Args:
            outcomes: ``row_id``, ``label``, ``known_at``.

        Returns:
            How many were new.
        """
        if not self._sent or outcomes.is_empty():
            return 0
        sent = pl.concat(self._sent)
        self._sent = [sent]
        return record_outcomes(self.outcomes, outcomes.join(sent, on="row_id", how="inner").drop("row_id"))

    @property
    def sent(self) -> pl.DataFrame:
        """Rows so far: ``row_id``, ``request_id``, ``row``."""
        schema = {"row_id": pl.String(), "request_id": pl.String(), "row": pl.Int64()}
        return pl.concat(self._sent) if self._sent else pl.DataFrame(schema=schema)

    def _send(self, connection: http.client.HTTPConnection, part: pl.DataFrame, request_id: str) -> None:
        columns = from_frame(part, self.fields)
        body = json.dumps(v2_body(columns, self.fields, request_id, self.entities)).encode()
        answer = "none"
        for i in range(TRIES):
            if i:
                time.sleep(PAUSE * 2 ** (i - 1))
            with self._one:
                self.requests += 1
            answer = _post(connection, urlsplit(self.url).path, body)
            if not answer:
                break
            with self._one:
                self.failed += 1
        if answer:
            raise FairleadError(f"{self.url} did not answer request {request_id} in {TRIES} tries; the last: {answer}")
        names = part.select("row_id", request_id=pl.lit(request_id), row=pl.int_range(pl.len(), dtype=pl.Int64))
        with self._one:
            self._sent.append(names)


class Live:
    """Loans on their way, one by one.

    Args:
        feed: counts and remembers them.
        loans: at most these.
        rate: requests a second.
        come: whether any are to come now.
    """

    def __init__(self, feed: Feed, loans: pl.DataFrame, rate: float, come: Callable[[], bool]) -> None:
        self._feed = feed
        self._loans = loans
        self._seconds = 1 / rate
        self._come = come
        self._next = 0
        self._due = 0.0
        self._asked = (float("-inf"), False)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._error: Exception | None = None
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    @property
    def sent(self) -> int:
        """How many loans were taken so far; all of them are answered once the block has ended."""
        return self._next

    def stop(self) -> None:
        """Stop after the requests under way.

        Raises:
            FairleadError: a request was not answered.
            Exception: what else a client failed with.
        """
        self._done.set()
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def _take(self) -> tuple[int, float] | None:
        """Take a loan and the time at which it is due; None when there is none now."""
        with self._lock:
            now = time.monotonic()
            if self._next >= len(self._loans) or not self._flows(now):
                return None
            due = max(now, self._due)
            self._due = due + self._seconds
            self._next += 1
            return self._next - 1, due

    def _flows(self, now: float) -> bool:
        asked, said = self._asked
        if now - asked >= ASK_SECONDS:
            said = self._come()
            self._asked = (now, said)
        return said

    def _run(self) -> None:
        try:
            with _connection(self._feed.url) as connection:
                while not self._done.is_set() and self._next < len(self._loans):
                    if (taken := self._take()) is None:
                        self._done.wait(ASK_SECONDS)
                        continue
                    place, due = taken
                    self._done.wait(max(0.0, due - time.monotonic()))
                    part = self._loans[place : place + 1]
                    self._feed._send(connection, part, part["row_id"][0])
        except Exception as error:  # whatever it was is told when the block ends, not lost with the thread
            self._error = error


@contextmanager
def _connection(url: str) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> str:
    """Send one request; returns what went wrong, empty for nothing."""
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return f"{type(error).__name__}: {error}"
    return "" if response.status == 200 else f"{response.status} {text[:200].decode(errors='replace')}"
