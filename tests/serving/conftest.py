from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.config import Settings
from components.serving.process import Running, serving
from components.training.bundle import Bundle


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
def opened(signed_bundle: Path) -> Bundle:
    return Bundle.open(signed_bundle)
