"""Limits of the doors: how large a request may be, how many are under way at once, and how long one may take."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

from components.core.errors import ContractViolation
from components.serving.exchange import Overloaded, Slow, TooLarge

TIMEOUT = "x-envoy-expected-rq-timeout-ms"
"""Header with the milliseconds that are left for a request. Envoy, and so Istio and Knative's Kourier, set it on what
they hand on; a client that calls without them may set it itself."""

DRAINED = 64 * 1024 * 1024
"""Most bytes of a body that are read and thrown away after it was found too large: most clients read the answer only
when they have sent everything, and would see a broken connection instead."""

DRAIN_SECONDS = 10.0
"""And for so long at most."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


BIG = 256 * 1024
"""Bytes from which on a body is read in a thread, so that it does not hold up the others; whatever it says of itself.
"""

T = TypeVar("T")


async def aside(size: int, decode: Callable[..., T], *args: Any) -> T:
    """Decode a body, in a thread when it is big.

    Args:
        size: of the body, in bytes.
        decode: what reads it.
        *args: handed on.
    """
    if size < BIG:
        return decode(*args)
    return await asyncio.to_thread(_alone, decode, *args)


def _alone(decode: Callable[..., T], *args: Any) -> T:
    try:
        return decode(*args)
    except ContractViolation as error:
        # Its frames hold all that was parsed; to give millions of values back takes as long as to read them.
        raise error.with_traceback(None)  # noqa: B904  it is the same


class ClientGone(Exception):
    """The client closed the connection before it had sent its request; nobody is left to be answered."""


class Limits:
    """What a server takes.

    Args:
        max_body: most bytes of one request.
        max_in_flight: most requests under way at once; 0 for no limit.
        deadline_ms: milliseconds for one request; 0 for no limit.
    """

    def __init__(self, max_body: int, max_in_flight: int = 0, deadline_ms: int = 0) -> None:
        self.max_body = max_body
        self.in_flight = 0
        """Requests under way."""
        self._most = max_in_flight or float("inf")
        self._seconds = deadline_ms / 1000 if deadline_ms else None

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a request for as long as the block lasts.

        Raises:
            Overloaded: so many are under way already.
        """
        self.enter()
        try:
            yield
        finally:
            self.in_flight -= 1

    def enter(self) -> None:
        """Count a request; the caller takes 1 off ``in_flight`` when it has been answered.

        Raises:
            Overloaded: so many are under way already.
        """
        if self.in_flight >= self._most:
            raise Overloaded(f"{self.in_flight} requests are under way, as many as are taken at once; try again")
        self.in_flight += 1

    def seconds(self, asked: str | bytes | None) -> float | None:
        """Return how long a request may take: what it asks for itself, at most the server's own deadline.

        Args:
            asked: value of the ``TIMEOUT`` header, None without one.

        Raises:
            ContractViolation: it is no number of milliseconds.
        """
        if asked is None:
            return self._seconds
        text = asked.decode("latin-1") if isinstance(asked, bytes) else asked
        if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
            raise ContractViolation(f"header {TIMEOUT}: found {text[:20]!r}, allowed: whole milliseconds")
        if int(text) == 0:  # how Envoy writes that there is none
            return self._seconds
        seconds = int(text) / 1000
        return seconds if self._seconds is None else min(seconds, self._seconds)

    async def body(self, receive: Receive, declared: str | bytes | None, seconds: float | None) -> bytes:
        """Read a request's body, no further than the limit.

        Args:
            receive: the ASGI channel.
            declared: value of the ``content-length`` header, None without one.
            seconds: how long the client may take to send it.

        Raises:
            TooLarge: it is larger; what the client still sends has been read and thrown away, within bounds.
            Slow: it did not come in time.
            ClientGone: it will never come.
        """
        length = int(declared) if declared is not None and declared.isdigit() else 0
        if length > self.max_body:
            await _drain(receive, seconds)
            raise TooLarge(f"{length} bytes found, {self._allowed}")
        try:
            # Around the first part too: a head whose body never comes holds a place among those under way.
            async with asyncio.timeout(seconds):
                message = await receive()
                body: bytes = _part(message)
                if message.get("more_body", False):
                    body = await self._rest(receive, bytearray(body), seconds)
        except TimeoutError as error:
            raise Slow("the body did not come whole in time; send it faster, or allow more time") from error
        if len(body) > self.max_body:
            raise TooLarge(f"{len(body)} bytes found, {self._allowed}")
        return body

    async def _rest(self, receive: Receive, body: bytearray, seconds: float | None) -> bytes:
        more = True
        while more:
            if len(body) > self.max_body:
                await _drain(receive, seconds)
                raise TooLarge(f"more than {self.max_body} bytes found, {self._allowed}")
            message = await receive()
            body += _part(message)
            more = message.get("more_body", False)
        return bytes(body)

    @property
    def _allowed(self) -> str:
        return f"allowed: a body of up to {self.max_body} bytes; send the rows in several requests"


async def _drain(receive: Receive, seconds: float | None) -> None:
    thrown_away, more = 0, True
    try:
        async with asyncio.timeout(DRAIN_SECONDS if seconds is None else min(seconds, DRAIN_SECONDS)):
            while more and thrown_away < DRAINED:
                message = await receive()
                thrown_away += len(_part(message))
                more = message.get("more_body", False)
    except TimeoutError:
        return  # answered all the same; whether the client still listens is its own affair


def _part(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part
