import json
from types import SimpleNamespace

import polars as pl
import pytest

from components.core.contracts import Estimate
from components.core.ledger import Ledger
from components.judgement.check_report import CheckReport, Figure
from components.judgement.verdict import Verdict
from components.registry import approvals, component
from components.registry.client import client
from components.registry.registry import Registry
from components.training.evaluate import AllMetrics
from components.training.tune import Trial
from tests.registry.conftest import GATES, METRICS


def artifact(path):
    return SimpleNamespace(path=str(path), metadata={})


@pytest.fixture
def home(settings, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_HOME", str(settings.home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "the step")
    return settings


@pytest.fixture
def records(tmp_path):
    trial = Trial(algorithm="xgboost", parameters={"max_depth": 4}, log_loss=0.2, seed=1, number=0)
    (tmp_path / "chosen.json").write_text(trial.model_dump_json())
    (tmp_path / "slices.json").write_bytes(AllMetrics.dump_json(METRICS))
    (tmp_path / "verdict.json").write_text(Verdict(gates=GATES, comparison=None).model_dump_json())
    return {name: artifact(tmp_path / f"{name}.json") for name in ("chosen", "slices", "verdict")}


@pytest.fixture
def register(signed_bundle, records, smoke, tmp_path):
    def call() -> str:
        return component.register.python_func(
            use_case="sba_loans",
            run_id="",
            bundle=artifact(signed_bundle),
            **records,
            smoke=artifact(smoke),
            registered=artifact(tmp_path / "registered.json"),
        )

    return call


def test_register_step_returns_the_uri_and_registers_once_however_often_it_is_tried(home, register, tmp_path):
    assert register() == "models:/sba_loans/1"
    assert register() == "models:/sba_loans/1"
    (version,) = Registry(home).versions("sba_loans")
    assert version.parameters == {"max_depth": "4"}
    assert json.loads((tmp_path / "registered.json").read_text())["version"] == 1
    (entry,) = Ledger(home.ledger_path).entries("registry.registered")
    assert entry.actor == "the step"


@pytest.mark.usefixtures("home")
def test_score_champion_step_without_a_champion_writes_no_scores(small_dataset, tmp_path):
    out, bundle = artifact(tmp_path / "scores.parquet"), artifact(tmp_path / "champion")
    given = {"use_case": "sba_loans", "dataset": artifact(small_dataset)}
    assert component.score_champion.python_func(**given, predictions=out, champion=bundle) == ""
    assert pl.read_parquet(out.path).is_empty()


def test_score_champion_step_returns_the_champions_version(home, register, small_dataset, tmp_path):
    register()
    asked = Registry(home).request("sba_loans", 1)
    approvals.approve(home, asked.id)
    Registry(home).promote("sba_loans", 1, asked.id)
    out, bundle = artifact(tmp_path / "scores.parquet"), artifact(tmp_path / "champion")
    given = {"use_case": "sba_loans", "dataset": artifact(small_dataset)}
    assert component.score_champion.python_func(**given, predictions=out, champion=bundle) == "1"
    assert (tmp_path / "champion" / "contract.json").is_file()
    assert pl.read_parquet(out.path).height == pl.read_parquet(small_dataset).height


def test_track_step_names_a_run_and_logs_it_once(home, records, signed_bundle, tmp_path):
    for name in ("curves", "plots", "labels"):
        (tmp_path / name).write_text("{}")
    check = tmp_path / "check.json"
    share = Estimate(value=0.5, low=0.25, high=0.75, n=30)
    found = Figure(name="selection_rate", of="sex=female", estimate=share)
    check.write_text(
        CheckReport(check="fairness", figures=(found,), meanings={"selection_rate": "x"}).model_dump_json()
    )

    def track() -> str:
        return component.track.python_func(
            draft=artifact(signed_bundle),
            chosen=records["chosen"],
            slices=records["slices"],
            **{name: artifact(tmp_path / name) for name in ("curves", "plots", "labels")},
            checks=[artifact(check)],
        )

    run = track()
    assert run == track() != ""
    logged = client(home).get_run(run).data.metrics
    assert logged["fairness/sex_female/selection_rate"] == 0.5
    assert logged["fairness/sex_female/selection_rate.high"] == 0.75
    assert home.ledger_path.exists() is False
