import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


@pytest.fixture(scope="session")
def call(running: Running) -> Call:
    """Send JSON values, bytes or chunks of them to the running server; gives status, headers and body."""
    address = urlsplit(running.url)

    def send(path, body=None, headers=None, method=None):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method or ("GET" if body is None else "POST"), path, data, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    return send


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
