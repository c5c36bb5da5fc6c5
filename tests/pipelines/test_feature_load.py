"""The job that loads the online store on a cluster, run on a store in files; and what the feature server is told."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from feast.permissions.action import AuthzedAction
from feast.permissions.user import User
from feast.repo_config import load_repo_config

from components.core.use_case import load
from components.features.online import histories
from components.features.store import CONFIGURATION, open_store
from feature_repo import permissions

FOLDER = Path(__file__).parents[2] / "manifests" / "feast"


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it as the job does."""
    command = [sys.executable, "-m", "pipelines.feature_load", *arguments]
    environment = {"PYTHONPATH": str(FOLDER.parents[1]), "HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)


def test_it_loads_histories_and_permissions(tmp_path):
    configuration, store = tmp_path / "feature_store.yaml", tmp_path / "store"
    elsewhere = CONFIGURATION.replace("registry.db", str(tmp_path / "elsewhere.db"))
    configuration.write_text(elsewhere.replace("online.db", str(tmp_path / "online.db")))
    options = [f"--configuration={configuration}", f"--store={store}"]
    done = run(tmp_path, "--use-case=sba_loans", "--source=", "--end=", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "sba_loans: online as of 2003-12-31"
    assert (tmp_path / "elsewhere.db").exists()
    assert sorted(p.name for p in open_store(store).list_permissions()) == ["read", "write"]
    keys = {
        "Bank": np.array(["BANK OF AMERICA NATL ASSOC"], dtype=object),
        "Zip": np.array([0]),
        "NAICS": np.array([722110]),
    }
    found = histories(store, load("sba_loans"), keys)
    assert found["bank_count"][0] > 1000
    assert found["industry_count"][0] > 100


def test_a_table_that_is_not_there_is_told(tmp_path):
    gone = str(tmp_path / "gone.parquet")
    options = [f"--configuration={FOLDER}/feature_store.yaml", f"--store={tmp_path / 'store'}"]
    done = run(tmp_path, f"--source={gone}", *options)
    assert done.returncode == 1
    assert gone in done.stderr
    assert "Traceback" not in done.stderr


def test_the_configuration_is_one_that_feast_takes(monkeypatch, tmp_path):
    settings = yaml.safe_load((FOLDER / "settings.yaml").read_text(encoding="utf-8"))["data"]
    for name, value in {**settings, "REDIS_PASSWORD": "kabc"}.items():
        monkeypatch.setenv(name, value)
    found = load_repo_config(tmp_path, FOLDER / "feature_store.yaml")
    assert found.registry.path == "s3://fairlead/feast/registry.db"
    assert found.online_store.connection_string == "redis:6379,password=kabc"
    assert found.auth_config.type == "kubernetes"


@pytest.mark.parametrize(
    ("namespaces", "may_read", "may_write"),
    [(["models"], True, False), (["features"], True, True), (["mlflow"], False, False), ([], False, False)],
)
def test_who_may_do_what_depends_on_the_namespace_and_never_on_a_role(namespaces, may_read, may_write):
    user = User(username="features:feast", roles=["feast", "read", "write"], groups=[], namespaces=namespaces)

    def allowed(action: AuthzedAction) -> bool:
        ours = [permissions.read, permissions.write]
        return any(action in p.actions and p.policy.validate_user(user)[0] for p in ours)

    assert allowed(AuthzedAction.READ_ONLINE) is may_read
    assert allowed(AuthzedAction.WRITE_ONLINE) is may_write
    assert allowed(AuthzedAction.DELETE) is may_write
