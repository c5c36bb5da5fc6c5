"""The shortcut: uvicorn's HTTP protocol, which answers what the lane would accept at once without a task for it.

It deals with one case alone: a whole, small, ordinary V2 request of one row, that came in one piece. Such a row goes
from the parser to the batcher, and its answer in one write from there to the connection. Everything else (errors,
other routes, bodies in pieces, hooks, traces, lookups) is handed to uvicorn as if this class were not there, and with
that to the lane, which decides all that is to be decided.

It leans on what uvicorn's class calls and keeps; ``tests/serving/test_shortcut.py`` holds its answers against those of
the lane, byte by byte, so that a release that changes this is noticed.
"""

import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from components.core.errors import FairleadError
from components.serving import v2
from components.serving.batcher import Pair
from components.serving.exchange import EXPLAINS
from components.serving.lane import TRACEPARENT, Headers, Lane, given_id, is_cloud_event
from components.serving.limits import TIMEOUT
from components.serving.tracing import handed_on
from components.serving.watch import INFER

SMALL = 32 * 1024
"""Largest body, in bytes."""

_NOT_HERE = frozenset(
    {b"content-encoding", b"expect", b"transfer-encoding", b"upgrade", v2.HEADER_LENGTH.encode(), EXPLAINS.encode()}
)
_TIMEOUT = TIMEOUT.encode()


class _Nobody:
    """An event that nobody waits for."""

    def set(self) -> None:
        pass


class _Answering:
    """One request on its way through the batcher; stands where uvicorn keeps the request that a connection is at.

    Args:
        connection: where the answer goes.
        name: the request's id.
        arrived: when it came in.
        traceparent: its header of that name, handed back.
    """

    __slots__ = ("_arrived", "_connection", "_headers", "_name", "disconnected", "keep_alive", "response_complete")

    message_event = _Nobody()

    def __init__(self, connection: "Shortcut", name: str, arrived: float, traceparent: bytes | None) -> None:
        self._connection, self._name, self._arrived = connection, name, arrived
        self._headers = () if traceparent is None else _echoed(traceparent)
        self.disconnected = self.response_complete = False
        self.keep_alive = True

    def done(self) -> bool:
        return self.disconnected

    def set_result(self, pair: Pair) -> None:
        lane = self._connection.lane
        self._finish(200, _OK, lane.model.encode_one(self._name, pair), 1)

    def set_exception(self, error: Exception) -> None:
        self._finish(*self._connection.lane.refusal(error))

    def _finish(self, status: int, headers: Headers, body: bytes, rows: int) -> None:
        lane = self._connection.lane
        lane.limits.in_flight -= 1
        self.response_complete = True
        lane.model.watch.answered(INFER, status, time.perf_counter() - self._arrived, rows)
        self._connection.answer(status, (*headers, *self._headers) if self._headers else headers, body, self.keep_alive)


def _echoed(traceparent: bytes) -> Headers:
    trace = handed_on(traceparent.decode("latin-1"))
    return ((TRACEPARENT, traceparent),) if trace.traceparent else ()


_OK: Headers = ((b"content-type", b"application/json"),)


class Shortcut(HttpToolsProtocol):
    """One connection.

    The lane is the application that uvicorn was given; under any other nothing is cut short.
    """

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.lane: Lane = self.app
        self._open = isinstance(self.app, Lane) and not self.access_log
        self._held: dict[bytes, bytes] | None = None
        self._piece = b""
        self._active: _Answering | RequestResponseCycle | None = None

    def on_headers_complete(self) -> None:
        """Hold a request back when it may go the short way, until its body is there."""
        if self._open and self.url in self.lane.model.infer_urls and self._free():
            headers = dict(self.headers)
            length = headers.get(b"content-length", b"")
            if (
                self.parser.get_method() == b"POST"
                and length.isdigit()
                and int(length) <= min(SMALL, self.lane.limits.max_body)
                and headers.keys().isdisjoint(_NOT_HERE)
                and not is_cloud_event(headers)
                and self.parser.should_keep_alive()
                and self.parser.get_http_version() == "1.1"
            ):
                self._held, self._piece = headers, b""
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep the body of a request that is held back."""
        if self._held is None:
            super().on_body(body)
        else:
            self._piece = self._piece + body if self._piece else body

    def on_message_complete(self) -> None:
        """Send a request that is held back the short way, or else the usual one."""
        if self._held is None:
            super().on_message_complete()
        elif not self._short(self._held, self._piece):
            self._let_go()
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read; what has not come whole by the end of it goes the usual way, where time and size are watched."""
        super().data_received(data)
        if self._held is None:
            return
        if self.transport.is_closing():
            self._held = None  # what was sent is no HTTP, and uvicorn has said so
        else:
            self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a request whose client has gone."""
        active = self._active
        if active is not None and not active.response_complete and not active.disconnected:
            active.disconnected = True  # uvicorn tells it to the last request that was read, which may be a later one
            active.message_event.set()
            if isinstance(active, _Answering):
                self.lane.limits.in_flight -= 1
        super().connection_lost(exc)

    def answer(self, status: int, headers: Headers, body: bytes, keep_alive: bool) -> None:
        """Write an answer, as uvicorn writes one."""
        if self.transport.is_closing():
            return
        keep_alive = keep_alive and not self.lane.model.stopping
        lines = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers, *self.lane.model.stamps):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"content-length: ", b"%d" % len(body), b"\r\n")
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _free(self) -> bool:
        """Say whether no other request is under way, and the client takes what it is sent."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _let_go(self) -> None:
        piece, self._held, self._piece = self._piece, None, b""
        super().on_headers_complete()
        if piece:
            super().on_body(piece)

    def _short(self, headers: dict[bytes, bytes], body: bytes) -> bool:
        """Put a row into the batcher; False when there is anything unusual about its request."""
        arrived = time.perf_counter()
        lane = self.lane
        if lane.model.watch.traces:
            return False
        try:
            scoring = lane.model.scoring
            content = v2.parse(body)
            row = scoring.read(content)
            if row is None or not scoring.whole(content):
                return False
            seconds = lane.limits.seconds(headers.get(_TIMEOUT))
            name = content.get("id") or given_id(headers)
            lane.limits.enter()
        except FairleadError:
            return False  # the lane finds the same, and says so
        self._held = None
        answering = _Answering(self, name, arrived, headers.get(TRACEPARENT))
        self._active = self.cycle = answering  # type: ignore[assignment]
        scoring.put(row, name, arrived, seconds, answering)
        return True
