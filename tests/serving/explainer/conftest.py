import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from components.core.config import Settings
from components.serving.explainer.app import App, Budget
from components.serving.explainer.readiness import Readiness, Sources
from components.serving.process import HOST, Running, free_port

Ask = Callable[..., tuple[int, Any, str]]


def ask(port: int, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any, str]:
    """Send JSON values or bytes; gives status, the answer's JSON, and all that came as text, headers included."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, data, headers or {})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content), f"{response.headers}\n{content.decode()}"
    finally:
        connection.close()


@contextmanager
def explaining_in_thread(sources: Sources, settings: Settings, budget: Budget) -> Iterator[int]:
    """Run the application in a thread of this process; yields its port."""
    port = free_port()
    app = App(Readiness(sources, settings), budget).application()
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="error", server_header=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + 30
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        while "being loaded" in ask(port, "/v2/health/ready")[2] and time.monotonic() < end:
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@contextmanager
def answering(status: int, content: object, wait: float = 0.0) -> Iterator[tuple[str, list[tuple[dict, dict]]]]:
    """Run a server that gives every call one answer, or what a function makes of its body.

    Yields its host, and the headers and bodies it was sent.
    """
    asked: list[tuple[dict, dict]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((dict(self.headers), json.loads(self.rfile.read(int(self.headers["content-length"])))))
            time.sleep(wait)
            answer = content(asked[-1][1]) if callable(content) else content
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST if status == 0 else lambda self: self.send_error(status)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{HOST}:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def predictor_host(running: Running) -> str:
    return urlsplit(running.url).netloc


@pytest.fixture(scope="session")
def sources(signed_bundle, predictor_host: str) -> Sources:
    return Sources(str(signed_bundle), "", predictor_host)


@pytest.fixture(scope="session")
def port(sources: Sources, session_settings: Settings) -> Iterator[int]:
    """An explainer of the running predictor, in this process, where there is no alibi."""
    with explaining_in_thread(sources, session_settings, Budget(max_rows=3, max_body=100_000)) as port:
        yield port


@pytest.fixture(scope="session")
def instance(opened) -> dict[str, Any]:
    """The riskiest example as a V1 instance."""
    return {t["name"]: t["data"][0] for t in opened.examples()[2]["request"]["inputs"]}
