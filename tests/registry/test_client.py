import os
import sqlite3
import subprocess
import sys

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.registry import client as module
from components.registry.client import client, resolve
from tests.registry.conftest import run_and_kill, run_at_once


@pytest.fixture
def fresh(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "tester"})


def _tables(settings):
    with sqlite3.connect(settings.home / "mlflow.db") as db:
        return db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]


def test_processes_that_meet_a_fresh_store_make_it_once(fresh):
    run_at_once(*[lambda: client(fresh).search_experiments()] * 3)
    assert _tables(fresh) > 20
    assert sorted(p.name for p in fresh.home.iterdir()) == [".mlflow.db.lock", "mlflow.db"]


def test_a_store_whose_making_was_killed_is_made_by_the_next(fresh):
    run_and_kill(lambda: client(fresh), module, "closing", "before")
    assert not (fresh.home / "mlflow.db").exists()
    assert client(fresh).search_registered_models() == []


@pytest.mark.parametrize("uri", ["models:/a", "models:/a/b/c", "runs:/a/b"])
def test_a_model_uri_has_two_forms(settings, uri):
    with pytest.raises(FairleadError, match="allowed: models:/NAME/VERSION, models:/NAME@ALIAS"):
        resolve(uri, settings)


def test_mlflow_sends_no_telemetry_and_is_quiet(fresh):
    """In a process of its own, with nothing in its environment that would turn telemetry off by itself."""
    code = (
        "import sys, pathlib\n"
        "from components.core.config import read_settings\n"
        "from components.registry.client import client\n"
        "import components.registry.registry, components.registry.tracking\n"
        "client(read_settings())\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "print(get_telemetry_client())\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in {"CI", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"}}
    environment.pop("PYTEST_CURRENT_TEST", None)
    environment["FAIRLEAD_HOME"] = str(fresh.home)
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "None\n", "")
