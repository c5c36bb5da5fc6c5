import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from components.core.config import Settings
from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.serving.process import Running, serving
from components.training.bundle import Bundle
from components.training.dataset import read

Call = Callable[..., tuple[int, Any, bytes]]


@pytest.fixture(scope="session")
def running(
    signed_bundle: Path, session_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A real server process with REST and gRPC, one for all tests that do not change it."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    limits = ("--max-rows", "2000", "--max-body", "2000000")
    with serving(str(signed_bundle), session_settings, log, grpc=True, options=limits) as server:
        yield server


@dataclass(frozen=True)
class Served:
    """A server process of a test's own."""

    url: str
    grpc: str
    pid: int
    log: Path

    def send(self, path, body=None, headers=None, method=None):
        """Send JSON values, bytes or chunks of them; gives status, headers and body."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method or ("GET" if body is None else "POST"), path, data, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def until_refused(self):
        """Wait until the server has made up its mind not to be ready; gives the reason out of its log."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            status, _, body = self.send("/v2/health/ready")
            reason = json.loads(body).get("error", "")
            if status == 503 and "being loaded" not in reason:
                assert reason == "not ready: the model was refused; the server's log says why"
                return self.log.read_text().partition("NOT READY: ")[2]
            time.sleep(0.02)
        raise AssertionError("the server is still loading")


@pytest.fixture(scope="session")
def call(running: Running) -> Call:
    """Send JSON values, bytes or chunks of them to the running server; gives status, headers and body."""
    return Served(running.url, running.grpc, running.pid, running.log).send


@pytest.fixture(scope="session")
def serve(signed_bundle, session_settings, tmp_path_factory) -> Callable[..., Any]:
    """Serve the bundle with options of a test's own: ``with serve("--max-rows", "5") as server``."""

    @contextmanager
    def served(*options, grpc=False, ready=True, bundle=signed_bundle):
        log = tmp_path_factory.mktemp("served") / "server.log"
        with serving(str(bundle), session_settings, log, grpc=grpc, ready=ready, options=options) as server:
            yield Served(server.url, server.grpc, server.pid, server.log)

    return served


@pytest.fixture(scope="session")
def opened(signed_bundle: Path) -> Bundle:
    return Bundle.open(signed_bundle)


@pytest.fixture(scope="session")
def good(opened: Bundle) -> dict[str, Any]:
    """A good V2 request; tests change a copy."""
    request: dict[str, Any] = opened.examples()[1]["request"]
    return request


@pytest.fixture(scope="session")
def rows(small_dataset: Path, sba: UseCase) -> Columns:
    """Real rows, 1,500 of them."""
    return {name: values[:1500] for name, values in read(small_dataset, sba, "test").columns.items()}


@pytest.fixture(scope="module")
def channel(running):
    with grpc.insecure_channel(running.grpc) as channel:
        yield channel
