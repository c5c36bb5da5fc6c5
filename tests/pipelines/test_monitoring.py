"""The monitoring pipeline from the prediction log to the report, run for real on what a training run left."""

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from components.core.config import Settings, read_settings
from components.monitoring.alerts.book import AlertBook
from components.monitoring.values import Findings
from components.training.bundle import Bundle
from pipelines.alert_commands import book_path
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.reports import keep_report
from pipelines.retraining_decision import newest_findings
from pipelines.runners import local
from tests.monitoring.served import between, crown, serve
from tests.pipelines.conftest import Finished

FIRST, NOW = date(2004, 10, 3), date(2004, 12, 31)
"""The newest window of the end of 2004, a year after the model's training date."""


@pytest.fixture
def reigning(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own with what the training run made, in which its model reigns."""
    theirs, home = finished.settings.home, tmp_path / "home"
    home.mkdir()
    for name in ("mlflow.db", "ledger.db"):
        shutil.copy(theirs / name, home / name)
    for name in ("keys", "cache", "artifacts"):
        (home / name).symlink_to(theirs / name, target_is_directory=True)
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "tester")
    settings = read_settings()
    crown(settings, 1)
    return settings


def test_a_look_by_the_pipeline(finished: Finished, reigning: Settings, tmp_path: Path) -> None:
    log, bundle = tmp_path / "log.db", Bundle.open(finished.run.artifact("package", "bundle"))
    loans = between(pl.read_parquet(finished.run.artifact("build_features", "features")), FIRST, NOW)
    serve(bundle, loans, log)
    given = parameters("sba_loans", NOW.isoformat(), "", (f"log=sqlite:///{log}",), pipeline="monitoring")
    run = local.run(compiled("monitoring"), given, reigning.home, lambda _: None)

    # The table is the one that the training run has made.
    steps = {"collect_rows", "measure_nothing", "look", "raise_alerts", "write_look_report"}
    assert set(run.seconds) == steps
    found = Findings.model_validate_json(run.artifact("look", "findings").read_bytes())
    assert (found.now, found.version, found.window.first, found.window.last) == (NOW, "1", FIRST, NOW)
    assert found.window.rows == len(loans)
    assert found.drift is not None
    assert found.drift.severity in ("green", "amber", "red")
    assert found.drift.reference.last <= date(2003, 12, 31)

    events = [json.loads(line) for line in run.artifact("raise_alerts", "events").read_text().splitlines()]
    assert [e["id"] for e in events] == [e.id for e in AlertBook(book_path(reigning)).store.events()]
    assert {a.key for a in AlertBook(book_path(reigning)).store.alerts()} == {c.key for c in found.calls}

    kept = keep_report(run, tmp_path)
    assert kept == tmp_path / "reports" / "sba_loans-look-2004-12-31.html"
    page = kept.read_text(encoding="utf-8")
    assert "<html" in page
    assert "src=" not in page
    assert newest_findings(reigning, "sba_loans").model_dump_json() == found.model_dump_json()


def test_nothing_is_told_before_the_look_and_the_page_waits_for_nobody_that_is_told() -> None:
    spec = next(yaml.safe_load_all(compiled("monitoring").read_text(encoding="utf-8")))
    tasks = spec["root"]["dag"]["tasks"]
    assert {"build-features", "collect-rows"} < set(tasks["look"]["dependentTasks"])
    assert tasks["raise-alerts"]["dependentTasks"] == tasks["write-look-report"]["dependentTasks"] == ["look"]


def test_only_who_asks_for_it_needs_the_other_environment() -> None:
    spec = next(yaml.safe_load_all(compiled("monitoring").read_text(encoding="utf-8")))
    asked = {
        frozenset(part["dag"]["tasks"]): spec["components"][name]
        for name, part in spec["components"].items()
        if name.startswith("comp-condition-") and "branches" not in name
    }
    assert set(asked) == {frozenset({"lay-out-windows", "measure-discrepancy"}), frozenset({"measure-nothing"})}


def test_all_steps_look_at_the_same_day() -> None:
    """A run that begins before midnight and ends after it looks at one day: the first step's."""
    spec = next(yaml.safe_load_all(compiled("monitoring").read_text(encoding="utf-8")))
    tasks = spec["root"]["dag"]["tasks"]
    day = tasks["look"]["inputs"]["parameters"]["day"]["taskOutputParameter"]
    assert day == {"outputParameterKey": "day", "producerTask": "collect-rows"}
    assert [name for name, task in tasks.items() if "now" in task["inputs"].get("parameters", {})] == ["collect-rows"]
