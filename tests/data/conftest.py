from pathlib import Path

import pytest

from tests.data.validated import validate_all


@pytest.fixture(scope="session")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the reports on all tables that ``tests.data.validated`` makes."""
    folder = tmp_path_factory.mktemp("validated")
    validate_all(folder)
    return folder
