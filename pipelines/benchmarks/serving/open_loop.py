"""An open-loop load: requests are sent when they are due, whether or not the ones before were answered.

A client that waits for its answer before it sends the next request slows down with the server, and so never sees the
queue that users would stand in. Here a request's time runs from the moment at which it was due.
"""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from components.core.errors import FairleadError

LATE_MS = 1.0
"""A request sent so much later than it was due, with a connection free, was late by the generator's own fault."""


@dataclass(frozen=True)
class Held:
    """What became of a rate that was to be held.

    Args:
        rate: requests a second that were due.
        seconds: for how long.
        clients: connections.
        due: requests that were due.
        answered: with status 200.
        failed: with another status, or on a connection that broke.
        p50_ms: median time from due to answered.
        p95_ms: 95th percentile of it.
        p99_ms: 99th percentile of it.
        max_ms: the longest.
        late_p99_ms: 99th percentile of how late the generator itself noticed that a request was due.
        late_share: share of the requests that it noticed more than ``LATE_MS`` late.
    """

    rate: float
    seconds: float
    clients: int
    due: int
    answered: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    late_share: float

    @property
    def held(self) -> bool:
        """Whether every request was answered well."""
        return self.answered == self.due


def hold(url: str, bodies: Sequence[bytes], clients: int, rate: float, seconds: float, warm_up: float = 1.0) -> Held:
    """Send requests at a fixed rate.

    Args:
        url: where to post.
        bodies: JSON, sent in turn.
        clients: connections; a request that is due while all are waiting for answers is sent when one is free.
        rate: requests a second.
        seconds: for how long.
        warm_up: seconds at the same rate before, not counted.

    Raises:
        FairleadError: no connection, or all of them broke.
    """
    requests = [_request(url, body) for body in bodies]
    gc.collect()
    gc.disable()  # a collection in the generator would look like a slow server
    try:
        if warm_up:
            _run(_hold(url, requests, clients, rate, warm_up))
        return _run(_hold(url, requests, clients, rate, seconds))
    finally:
        gc.enable()


def _run(work: Coroutine[Any, Any, Held]) -> Held:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def _hold(url: str, requests: Sequence[bytes], clients: int, rate: float, seconds: float) -> Held:
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    schedule = _Schedule(requests, rate, max(1, round(rate * seconds)))
    connections: list[_Connection] = []
    try:
        for _ in range(clients):
            _, connection = await loop.create_connection(
                lambda: _Connection(schedule.done), address.hostname or "", address.port or 80
            )
            connections.append(connection)
        schedule.free.extend(connections)
        await schedule.run()
    except OSError as error:
        raise FairleadError(f"no connection to {url}: {error}") from error
    finally:
        for connection in connections:
            connection.close()
    return schedule.result(clients)


class _Connection(asyncio.Protocol):
    """One connection that has at most one request under way; times it from when it was due."""

    def __init__(self, done: Callable[["_Connection", float, bool], None]) -> None:
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._due: float | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a TCP connection, so it can be written to

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        status = complete(self._buffer)
        if status is not None and self._due is not None:
            due, self._due, self._buffer = self._due, None, b""
            self._done(self, due, status == 200)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.open = False
        if self._due is not None:
            due, self._due = self._due, None
            self._done(self, due, False)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Schedule:
    """Which request is due when, who is free to send it, and how long each took."""

    def __init__(self, requests: Sequence[bytes], rate: float, total: int) -> None:
        self.free: deque[_Connection] = deque()
        self._requests = requests
        self._rate = rate
        self._total = total
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._milliseconds: list[float] = []
        self._late: list[float] = []
        self._failed = 0
        self._lost = 0

    async def run(self) -> None:
        """Send everything when it is due, and wait for the answers."""
        start = time.perf_counter() + 0.01
        connections = len(self.free)
        for k in range(self._total):
            due = start + k / self._rate
            # Timers of an event loop come in whole milliseconds; near the time it is looked at all the while. One turn
            # at least goes to the answers, even when the generator is behind.
            left = due - time.perf_counter()
            await asyncio.sleep(0 if left < 0.002 else left - 0.001)
            while (now := time.perf_counter()) < due:
                await asyncio.sleep(0)
            self._late.append((now - due) * 1000)
            self._waiting.append((self._requests[k % len(self._requests)], due))
            self._send()
        end = time.perf_counter() + 20
        while len(self._milliseconds) + self._failed < self._total and time.perf_counter() < end:
            if self._lost == connections:
                raise FairleadError("the server closed every connection")
            await asyncio.sleep(0.001)

    def done(self, connection: _Connection, due: float, well: bool) -> None:
        """Take note of an answer; the connection is free for the next."""
        if well:
            self._milliseconds.append((time.perf_counter() - due) * 1000)
        else:
            self._failed += 1
        if connection.open:
            self.free.append(connection)
        else:
            self._lost += 1
        self._send()

    def result(self, clients: int) -> Held:
        """Sum up; requests that were never answered have failed."""
        times = np.array(self._milliseconds or [np.inf])
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        late = np.array(self._late)
        return Held(
            rate=self._rate,
            seconds=self._total / self._rate,
            clients=clients,
            due=self._total,
            answered=len(self._milliseconds),
            failed=self._total - len(self._milliseconds),
            p50_ms=float(p50),
            p95_ms=float(p95),
            p99_ms=float(p99),
            max_ms=float(times.max()),
            late_p99_ms=float(np.percentile(late, 99)),
            late_share=float(np.mean(late > LATE_MS)),
        )

    def _send(self) -> None:
        while self._waiting and self.free:
            connection = self.free.popleft()
            if connection.open:
                connection.send(*self._waiting.popleft())


def complete(buffer: bytes) -> int | None:
    r"""Return the status of an HTTP/1.1 answer once all of it is there, else None.

    >>> complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nO")
    >>> complete(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    404

    An answer that tells no length counts as a failed one: no server that is measured here sends such.
    """
    head, found, body = buffer.partition(b"\r\n\r\n")
    if not found:
        return None
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
    return int(head[9:12]) if len(body) >= length else None


def _request(url: str, body: bytes) -> bytes:
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
