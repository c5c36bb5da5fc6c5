"""The training pipeline from the raw table to the registered model, run for real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.core.use_case import SHIPPED
from components.images import steps as steps_by_image
from components.registry import store
from components.registry.registry import Registry
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.runners import local
from tests.pipelines.conftest import SHARDS, Finished


def test_ends_with_a_registered_challenger(finished: Finished) -> None:
    version = Registry(finished.settings).version("sba_loans", "challenger")
    assert version.contract.as_of == "2003-12-31"
    assert all(g.verdict == "pass" for g in version.gates if g.blocking)


def test_ledger_tells_the_way_and_is_unbroken(finished: Finished) -> None:
    ledger = Ledger(finished.settings.ledger_path)
    assert ledger.verify() == len(ledger.entries())
    (registered,) = ledger.entries("registry.registered")
    assert registered.actor == "tester"
    assert ledger.entries("run.ended")[0].payload["state"] == "SUCCEEDED"


def test_no_row_is_lost_on_the_way(finished: Finished) -> None:
    report = json.loads(finished.run.artifact("check_rows", "report").read_text())
    features = pl.scan_parquet(finished.run.artifact("build_features", "features")).select(pl.len()).collect().item()
    assert report["kept"] + report["quarantined"] == report["rows"] == 99_148
    assert features == report["kept"]


def test_leaking_columns_are_found_without_being_told(finished: Finished) -> None:
    report = json.loads(finished.run.artifact("check_leakage", "report").read_text())
    found = {f["column"] for f in report["findings"] if f["leaks"]}
    assert {"Term", "ChgOffDate", "ChgOffPrinGr"} <= found
    assert not any(f["leaks"] and not f["excluded"] for f in report["findings"])


def test_served_scores_agree_with_training(finished: Finished) -> None:
    smoke = json.loads(finished.run.artifact("smoke_test", "report").read_text())
    assert smoke["rows"] == 10_000
    assert smoke["parity_max_abs"] <= 1e-6


def test_report_is_one_page_that_needs_no_network(finished: Finished) -> None:
    page = finished.run.artifact("write_report", "report").read_text(encoding="utf-8")
    assert "src=" not in page
    assert "<link" not in page
    for part in ("Data quality", "The years", "Gates", "Against the champion", "Three requests", "curl"):
        assert part in page


def test_second_run_takes_everything_it_can_from_the_cache(finished: Finished, in_home: Path) -> None:
    lines: list[str] = []
    again = local.run(compiled("training"), parameters("sba_loans", "", "", (SHARDS,)), in_home, lines.append)
    assert {"ingest", "validate_schema", "tune", "train", "evaluate"}.isdisjoint(again.seconds)
    # Signed again, as the keys may have changed since; what is signed is the same, byte for byte.
    bundles = [run.artifact("package", "bundle") for run in (again, finished.run)]
    assert {"package", "track"} <= set(again.seconds)
    assert store.digest(bundles[0]) == store.digest(bundles[1])
    assert len(Registry(finished.settings).versions("sba_loans")) == 1


def test_a_failed_gate_ends_the_run_with_the_table(finished: Finished, in_home: Path, tmp_path: Path) -> None:
    case = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
    case["gates"]["floors"].append({"gate": "out_of_reach", "metric": "auc", "minimum": 0.999})
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(case), encoding="utf-8")
    before = Registry(finished.settings).versions("sba_loans")
    with pytest.raises(FairleadError, match=r"step judge failed: stopped by out_of_reach\ngate") as failure:
        local.run(compiled("training"), parameters(str(path), "", "", (SHARDS,)), in_home, lambda _: None)
    assert "0.999" in str(failure.value)
    assert Registry(finished.settings).versions("sba_loans") == before
    assert Ledger(finished.settings.ledger_path).entries("run.ended")[-1].payload["state"] == "FAILED"


@pytest.mark.parametrize("step", ["train", "register"])
def test_killed_in_a_step_and_run_again_it_completes(finished: Finished, in_home: Path, step: str) -> None:
    as_of = {"train": "2003-12-30", "register": "2003-12-29"}[step]
    command = [sys.executable, "-m", "pipelines", "run", "training", "--as-of", as_of, "--set", SHARDS]
    _kill_in(step, command, in_home)
    registry = Registry(finished.settings)
    assert as_of not in {v.contract.as_of for v in registry.versions("sba_loans")} or step == "register"
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    versions = registry.versions("sba_loans")
    assert [v.contract.as_of for v in versions].count(as_of) == 1
    assert registry.audit("sba_loans") == []


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


def test_each_step_names_the_image_it_runs_in() -> None:
    spec = next(yaml.safe_load_all(compiled("training").read_text(encoding="utf-8")))
    images = {name: e["container"]["image"] for name, e in spec["deploymentSpec"]["executors"].items()}
    for step, image in steps_by_image.items():
        assert f"/fairlead-{image}:" in images[f"exec-{step.replace('_', '-')}"]
    assert sum("/fairlead-platform:" in image for image in images.values()) == len(images) - len(steps_by_image)
