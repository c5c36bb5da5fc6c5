import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from components.core.config import Settings, read_settings
from components.core.contracts import Estimate, GateResult, SliceMetrics
from components.registry.client import client
from components.registry.registry import Registry
from components.registry.version import Version
from components.training import integrity, signing
from components.training.bundle import Bundle

METRICS = [
    SliceMetrics(
        dataset="test",
        slice="all",
        metrics={
            "auc": Estimate(value=0.68, low=0.66, high=0.70, n=5000),
            "lift_10": Estimate(value=2.1, low=1.9, high=2.3, n=5000),
        },
    ),
    SliceMetrics(dataset="test", slice="year=2005", metrics={"auc": Estimate(value=0.70, low=0.65, high=0.75, n=900)}),
    SliceMetrics(dataset="backtest", slice="all", metrics={"auc": Estimate(value=None, n=3)}),
]

GATES = [
    GateResult(gate="auc_floor", check="test/all auc.low >= 0.60", threshold=0.6, value=0.66, verdict="pass"),
    GateResult(gate="card", check="looks", threshold=None, value=None, verdict="no_data", blocking=False),
]


@pytest.fixture(scope="session")
def empty_store(session_settings: Settings) -> Path:
    """MLflow's tables, made once: each test takes a copy."""
    client(session_settings)
    return session_settings.home / "mlflow.db"


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path, session_settings: Settings) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(empty_store, home / "mlflow.db")
    shutil.copytree(session_settings.signing_key.parent, home / "keys")
    return read_settings({"FAIRLEAD_HOME": str(home), "USER": "tester"})


@pytest.fixture
def smoke(signed_bundle: Path, tmp_path: Path) -> Path:
    """What registration reads of a smoke test's report."""
    path = tmp_path / "smoke.json"
    path.write_text(json.dumps({"rows": 1000, "version": Bundle.open(signed_bundle).version()}))
    return path


@pytest.fixture
def variant(signed_bundle: Path, settings: Settings, tmp_path: Path) -> Callable[[str], Path]:
    """Make another signed bundle of the same model, told apart by its card."""

    def make(name: str) -> Path:
        folder = shutil.copytree(signed_bundle, tmp_path / f"bundle-{name}")
        (folder / "model_card.md").write_text(f"# {name}\n")
        (folder / "model.sig").unlink()
        (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)))
        signing.sign(folder, settings.signing_key)
        return folder

    return make


Register = Callable[..., Version]


@pytest.fixture
def register(settings: Settings, smoke: Path) -> Register:
    def call(
        bundle: Path,
        *,
        to: Settings = settings,
        metrics: Sequence[SliceMetrics] = METRICS,
        gates: Sequence[GateResult] = GATES,
        smoke: Path = smoke,
        parameters: Mapping[str, object] | None = None,
        run_id: str | None = None,
    ) -> Version:
        given = {"max_depth": 4} if parameters is None else parameters
        return Registry(to).register(bundle, "sba_loans", metrics, gates, smoke, given, run_id)

    return call


def run_and_kill(call: Callable[[], object], owner: object, name: str, when: str) -> None:
    """Run ``call`` in a child process that kills itself just before or after ``owner.name`` is called."""
    pid = os.fork()
    if pid == 0:
        original = getattr(owner, name)

        def fatal(*args: object, **kwargs: object) -> None:
            if when == "after":
                original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        try:
            setattr(owner, name, fatal)
            call()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f"the child was to be killed {when} {name}; it ended with {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def run_at_once(*calls: Callable[[], object]) -> None:
    """Run each call in a child process of its own, all at the same time; every one has to end well."""
    pids = []
    for call in calls:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                call()
                code = 0
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(code)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * len(pids)
