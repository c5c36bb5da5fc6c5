"""What the architecture tests look at: the files that are tracked by git."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Path from the root → text, for every tracked file that is text."""
    # In a container the checkout may belong to another user, which git by itself would refuse.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    result = {}
    for name in filter(None, listing.decode().split("\0")):
        path = ROOT / name
        if not path.is_file():  # removed, and not yet committed
            continue
        data = path.read_bytes()
        if b"\0" not in data[:8000]:
            result[name] = data.decode("utf-8")
    return result


@pytest.fixture(scope="session")
def python(texts: dict[str, str]) -> dict[str, str]:
    """Path from the root → source, for every tracked Python file."""
    return {name: text for name, text in texts.items() if name.endswith(".py")}


@pytest.fixture(scope="session")
def ours(python: dict[str, str]) -> dict[str, str]:
    """The Python files of the library and the pipelines."""
    return {name: text for name, text in python.items() if name.startswith(("components/", "pipelines/"))}
