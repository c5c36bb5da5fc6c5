"""A real HTTP receiver for what a server sends out: it keeps each request, and answers as told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came in."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Path, headers (names in lower case) and body, in order."""
    status: int = 200
    refuse_after: int | None = None
    """After so many requests the answer is 503."""
    refuses: dict[str, int] = field(default_factory=dict)
    """By the event's id, the status with which it is refused."""
    hang_up: bool = False
    """Close the connection after each answer, without having said so."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port of loopback until the block ends."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            refused = received.refuses.get(self.headers.get("ce-id", ""))
            if received.refuse_after is not None and len(received.requests) >= received.refuse_after:
                refused = 503
            if refused is None:
                received.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(refused or received.status)
            self.send_header("content-length", "0")
            self.end_headers()
            self.close_connection = received.hang_up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
