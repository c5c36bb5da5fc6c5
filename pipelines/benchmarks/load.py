"""Clients that send one request after the other and keep every answer; for counting, not for speed records."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

TIMEOUT = 30.0
"""Seconds that one request gets."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request.

    Args:
        sent: when, on ``time.monotonic``.
        ended: when the answer was whole.
        status: 0 when there was none.
        variant: what the answer's ``x-fairlead-variant`` says, empty for nothing.
        request_id: what its ``x-request-id`` says.
    """

    sent: float
    ended: float
    status: int
    variant: str = ""
    request_id: str = ""


@dataclass
class Load:
    """So many clients at once, each on a connection that it keeps, for as long as the block lasts.

    Args:
        port: on loopback.
        request: makes the bytes of a client's next request from its running number over all clients.
        clients: how many.
        limit: how many requests in all; None for as long as the block lasts.
        pause: seconds that a client waits between two requests.
    """

    port: int
    request: Callable[[int], bytes]
    clients: int = 8
    limit: int | None = None
    pause: float = 0.0
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.limit is None or kind is not None:
            self._stop.set()
        self._thread.join(timeout=600)

    @property
    def failed(self) -> Sequence[Answer]:
        """The requests that got no answer or a server's error."""
        return [a for a in self.answers if not 0 < a.status < 500]

    async def _all(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._stop.is_set() and (self.limit is None or self._number < self.limit):
            self._number += 1
            body, sent = self.request(self._number), time.monotonic()
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                async with asyncio.timeout(TIMEOUT):
                    answer, closes = await _exchange(*connection, body, sent)
                self.answers.append(answer)
                if closes:
                    connection[1].close()
                    connection = None
            except (OSError, EOFError, ValueError, TimeoutError):
                self.answers.append(Answer(sent, time.monotonic(), 0))
                if connection is not None:
                    connection[1].close()
                connection = None
            if self.pause:
                await asyncio.sleep(self.pause)
        if connection is not None:
            connection[1].close()


def post(path: str, body: bytes = b"{}", **headers: str) -> bytes:
    """Return the bytes of a POST; underscores in the names of headers become hyphens.

    >>> post("/x", b"", x_key="a")
    b'POST /x HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-length: 0\\r\\nx-key: a\\r\\n\\r\\n'
    """
    lines = [f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, sent: float
) -> tuple[Answer, bool]:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    length = headers.get("content-length")
    if length is None:
        raise ValueError(f"an answer without a length: {head}")
    await reader.readexactly(int(length))
    status = int(head[0].split()[1])
    ids = headers.get("x-request-id", "")
    answer = Answer(sent, time.monotonic(), status, headers.get("x-fairlead-variant", ""), ids)
    return answer, headers.get("connection") == "close"
