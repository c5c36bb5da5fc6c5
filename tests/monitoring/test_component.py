"""The steps by themselves: each reads, calls one function and writes."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import yaml

from components.core.config import Settings
from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from components.monitoring import component
from components.monitoring.alerts.book import AlertBook
from components.monitoring.values import Findings
from components.training.bundle import Bundle
from tests.monitoring.alerts.looks import call, findings
from tests.monitoring.served import NOW, WINDOW_DAYS, crown
from tests.registry.conftest import empty_store, register, settings, smoke

__all__ = ["empty_store", "register", "settings", "smoke"]


def artifact(path: Path) -> SimpleNamespace:
    return SimpleNamespace(path=str(path), metadata={})


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FAIRLEAD_HOME", str(settings.home))
    return settings


def use_case(**drift: object) -> str:
    """The use case that ships, with a window for few loans, and alarms at once."""
    content = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
    return yaml.safe_dump(
        {**content, "monitoring": {"window_days": WINDOW_DAYS, "raise_after": 1, "drift": {"numeric": ["ks"], **drift}}}
    )


def collected(case: str, log: str, folder: Path, now: str = NOW.isoformat()) -> dict[str, str]:
    written = {name: str(folder / name) for name in ("version", "day", "apart")}
    given = {"rows": artifact(folder / "rows"), "bundle": artifact(folder / "bundle")}
    component.collect_rows.python_func(case, now, log, "", **given, **written)
    return {name: Path(path).read_text() for name, path in written.items()}


def test_the_steps_of_a_look_one_after_the_other(
    home: Settings, register, judged_bundle: Path, log: Path, loans: pl.DataFrame, tmp_path: Path
) -> None:
    register(judged_bundle)
    crown(home, 1)
    told = collected(use_case(), f"sqlite:///{log}", tmp_path)
    assert told == {"version": "1", "day": "2009-12-31", "apart": ""}
    assert len(pl.read_parquet(tmp_path / "rows")) == 2_298
    assert Bundle.open(tmp_path / "bundle").version() == Bundle.open(judged_bundle).version()

    loans.write_parquet(tmp_path / "features")
    component.measure_nothing.python_func(str(tmp_path / "discrepancy"))
    nothing = (tmp_path / "discrepancy").read_text()
    files = {name: artifact(tmp_path / name) for name in ("features", "rows", "bundle", "findings", "metrics")}
    component.look.python_func(use_case(), told["version"], told["day"], nothing, **files)
    found = Findings.model_validate_json((tmp_path / "findings").read_bytes())
    assert (found.now, found.version) == (NOW, "1")
    assert files["metrics"].metadata["window_rows"] == found.window.rows
    assert files["metrics"].metadata["red_calls"] > 0
    assert (tmp_path / "metrics").exists()


def test_what_is_measured_in_another_environment_is_laid_out_and_told(
    home: Settings, register, judged_bundle: Path, log: Path, loans: pl.DataFrame, tmp_path: Path
) -> None:
    """That environment itself is tried by the tests of ``discrepancy``."""
    register(judged_bundle)
    crown(home, 1)
    loans.write_parquet(tmp_path / "features")
    asks = use_case(multivariate=["mmd"])
    assert collected(asks, f"sqlite:///{log}", tmp_path)["apart"] == "mmd"
    files = {name: artifact(tmp_path / name) for name in ("features", "rows", "bundle")}
    component.lay_out_windows.python_func(asks, "1", "2009-12-31", **files, windows=artifact(tmp_path / "windows"))
    with np.load(tmp_path / "windows", allow_pickle=False) as windows:
        assert {name: len(side) for name, side in windows.items()} == {"reference": 5_000, "current": 278}
        assert windows["current"].shape[1] == windows["reference"].shape[1] > 20
    measured = json.dumps({"mmd2": 0.25, "p_value": 0.0005, "reference_rows": 5_000, "current_rows": 278})
    files |= {name: artifact(tmp_path / name) for name in ("findings", "metrics")}
    for text, told in ((measured, (0.25, "red")), ("{}\n", (None, "no_data"))):
        component.look.python_func(asks, "1", "2009-12-31", text, **files)
        found = Findings.model_validate_json((tmp_path / "findings").read_bytes())
        assert found.drift is not None
        (mmd,) = found.drift.of("*")
        assert (mmd.effect, mmd.severity) == told


def test_alerts_are_raised_where_the_home_is(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "findings").write_text(findings(call()).model_dump_json())
    events = artifact(tmp_path / "events")
    for _ in range(2):
        component.raise_alerts.python_func(use_case(), artifact(tmp_path / "findings"), events)
        (line,) = (tmp_path / "events").read_text().splitlines()
        assert json.loads(line)["kind"] == "raised"
    assert len(AlertBook(home.home / "alerts.db").store.events()) == 1


def test_the_page_is_made_of_the_findings(tmp_path: Path) -> None:
    (tmp_path / "findings").write_text(findings(call()).model_dump_json())
    component.write_look_report.python_func(artifact(tmp_path / "findings"), artifact(tmp_path / "report"))
    page = (tmp_path / "report").read_text(encoding="utf-8")
    assert "<html" in page
    assert "loss/log_loss is 0.5" in page


def test_without_a_champion_the_first_step_fails(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="has no champion"):
        collected(use_case(), f"sqlite:///{home.home / 'log.db'}", tmp_path)
