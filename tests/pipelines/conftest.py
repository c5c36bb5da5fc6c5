"""One real run of the training pipeline, shared by the tests that look at what it left."""

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
    lines: list[str]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The compiled training pipeline on the embedded table, each step in its own environment."""
    home = tmp_path_factory.mktemp("pipeline_home")
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRLEAD_HOME", str(home))
        patch.setenv("FAIRLEAD_ACTOR", "tester")
        run = local.run(compiled("training"), parameters("sba_loans", "", "", (SHARDS,)), home, lines.append)
        return Finished(read_settings(), run, lines)


@pytest.fixture
def in_home(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Act in the home of the finished run."""
    monkeypatch.setenv("FAIRLEAD_HOME", str(finished.settings.home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "tester")
    return finished.settings.home
