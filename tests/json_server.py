"""A server on loopback whose answers are JSON, for tests that play a part over real HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON and writes no log."""

    def answer(self, status: int, body: Any) -> None:
        """Send a status and a document; numbers that JSON does not have are refused."""
        text = json.dumps(body, allow_nan=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def answering(handler: type[JsonHandler], **attributes: object) -> Iterator[str]:
    """Run a server on a free port; gives its URL.

    Args:
        handler: answers each request.
        attributes: set on its class, for what all requests share.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), attributes)) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
