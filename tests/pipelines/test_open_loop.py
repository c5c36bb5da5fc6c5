import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from components.core.errors import FairleadError
from pipelines.benchmarks.serving.open_loop import LATE_MS, complete, hold
from pipelines.benchmarks.serving.pinned import Cores

Serve = Callable[[int], tuple[int, float]]


@contextmanager
def server(answer: Serve) -> Iterator[str]:
    """A server that gives the nth request this status after so many seconds; status 0 closes the connection."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
    count = itertools.count(1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
                status, seconds = answer(next(count))
                await asyncio.sleep(seconds)
                if status == 0:
                    break
                writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\n{}" % status)
        writer.close()

    async def serve() -> None:
        stop = asyncio.Event()
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
            started.set_result((asyncio.get_running_loop(), stop, listening.sockets[0].getsockname()[1]))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, stop, port = started.result(10)
    try:
        yield f"http://127.0.0.1:{port}/infer"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def test_every_request_that_was_due_is_sent_and_answered() -> None:
    with server(lambda _: (200, 0.0)) as url:
        found = hold(url, [b"{}", b"[1]"], clients=2, rate=200, seconds=0.3, warm_up=0)
    assert (found.due, found.answered, found.failed) == (60, 60, 0)
    assert found.held
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms <= found.max_ms


def test_the_queue_behind_a_slow_answer_counts_from_when_each_was_due() -> None:
    # One connection, one request of 0.3 s: those due meanwhile wait for it, which a closed loop would not see.
    with server(lambda n: (200, 0.3 if n == 10 else 0.0)) as url:
        found = hold(url, [b"{}"], clients=1, rate=100, seconds=0.6, warm_up=0)
    assert found.answered == 60
    assert found.max_ms >= 300
    assert found.p50_ms > 5  # some 30 of the 60 stood in the queue


def test_errors_and_broken_connections_are_failures_and_no_latencies() -> None:
    with server(lambda n: (0 if n == 5 else 503 if n == 3 else 200, 0.0)) as url:
        found = hold(url, [b"{}"], clients=2, rate=100, seconds=0.2, warm_up=0)
    assert (found.answered, found.failed) == (18, 2)
    assert not found.held


def test_a_server_that_closes_every_connection_is_an_error() -> None:
    with server(lambda _: (0, 0.0)) as url, pytest.raises(FairleadError, match="closed every connection"):
        hold(url, [b"{}"], clients=1, rate=100, seconds=0.1, warm_up=0)


def test_nobody_who_listens_is_an_error() -> None:
    with pytest.raises(FairleadError, match="no connection"):
        hold("http://127.0.0.1:9/infer", [b"{}"], clients=1, rate=10, seconds=0.1)


def test_a_generator_that_cannot_keep_up_says_so() -> None:
    with server(lambda _: (200, 0.0)) as url:
        found = hold(url, [b"{}"], clients=2, rate=1e6, seconds=0.005, warm_up=0)
    assert found.answered == 5000
    assert found.late_share > 0.1
    assert found.late_p99_ms > LATE_MS


@pytest.mark.parametrize(
    ("buffer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-le", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"HTTP/1.1 500 Oh\r\nx: y\r\nCONTENT-LENGTH:0\r\n\r\n", 500),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 0),
    ],
)
def test_an_answer_is_complete_when_all_of_it_is_there(buffer: bytes, status: int | None) -> None:
    assert complete(buffer) == status


def test_cores_are_told() -> None:
    assert "share" in str(Cores(1, 1))
    assert str(Cores(0, 1)) == "server on core 0, load on core 1"
