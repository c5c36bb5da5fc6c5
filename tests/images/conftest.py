"""The root file systems of our images, made by the real Dockerfile, for the tests that run what is in them.

make test-images                      # lints, and builds and runs the image that serves
make test-images ARGS=--all-images    # the other three too
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import root_file_system
from tests.images.container import Container


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-images", action="store_true", help="build every image, not the one that serves alone")


@pytest.fixture(scope="session")
def serving() -> Iterator[Container]:
    """The image that serves."""
    with _container("serving") as made:
        yield made


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Iterator[Container]:
    """An image by name, built when all are asked for."""
    if not request.config.getoption("--all-images", default=False):
        pytest.skip("built only when asked: make test-images ARGS=--all-images")
    with _container(request.param) as made:
        yield made


@contextmanager
def _container(name: str) -> Iterator[Container]:
    """Build an image and give it mounted; skips with the reason where none can be built."""
    if said := root_file_system.missing():
        pytest.skip(said)
    built = root_file_system.built(name)
    with root_file_system.mounted(built) as root:
        yield Container(root, root_file_system.config(built))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a container writes to, in the place of a volume: it belongs to its user."""
    made = tmp_path_factory.mktemp("volume")
    made.chmod(0o777)
    return made
