"""One real run of the training pipeline, shared by the tests that look at what it left."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.config import Settings, read_settings
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.runners import local
from pipelines.runners.local import Run
from tests.pipelines.kubeflow_api import api

__all__ = ["api"]

SHARDS = 'shards=[{"algorithm": "xgboost", "seed": 1, "trials": 2}, {"algorithm": "logistic", "seed": 1, "trials": 1}]'


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, and where."""

    settings: Settings
    run: Run
    killed_in: tuple[str, ...]
    """Steps in which it was killed, one after the other, before it was let come to its end."""


KILLED_IN = ("train", "package", "register")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The compiled training pipeline on the embedded table, each step in its own environment.

    On its way it was killed in three steps and started again, so that whoever looks at what it left sees that a run
    which was broken off completes.
    """
    home = tmp_path_factory.mktemp("pipeline_home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRLEAD_HOME", str(home))
        patch.setenv("FAIRLEAD_ACTOR", "tester")
        for step in KILLED_IN:
            _kill_in(step, [sys.executable, "-m", "pipelines", "run", "training", "--set", SHARDS], home)
        run = local.run(compiled("training"), parameters("sba_loans", "", "", (SHARDS,)), home, lambda _: None)
        return Finished(read_settings(), run, KILLED_IN)


def _kill_in(step: str, command: list[str], home: Path) -> None:
    """Start a run and kill all its processes as soon as a step of it has begun."""
    earlier = set((home / "runs").glob(f"*/{step}-*.log"))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while set((home / "runs").glob(f"*/{step}-*.log")) == earlier:
        assert process.poll() is None, "the run ended before the step began"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def in_home(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Act in the home of the finished run."""
    monkeypatch.setenv("FAIRLEAD_HOME", str(finished.settings.home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "tester")
    return finished.settings.home
