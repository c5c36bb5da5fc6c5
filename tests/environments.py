"""Run code for real in another of the project's environments."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_in(environment: str, *arguments: str | Path, timeout: float = 240) -> str:
    """Run ``python ARGUMENTS`` in an environment and return what it printed.

    The test is skipped when the environment was not made; it fails with the end of the error output when the command
    does.
    """
    python = ROOT / ".fairlead" / "envs" / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the environment {environment!r} was not made: `make test` makes it")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    # Byte code makes the second import of TFDV three times as fast.
    quiet.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(python), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout
