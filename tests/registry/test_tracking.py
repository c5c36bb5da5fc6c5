import json

import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.registry.client import MlflowClient, client
from components.registry.tracking import log_run, metric_name
from tests.registry.conftest import METRICS, run_and_kill, run_at_once

HASH = "a" * 64


@pytest.fixture
def log(settings, tmp_path):
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "lift.svg").write_text("<svg/>")
    report = tmp_path / "labels.json"
    report.write_text("{}")

    def call(key="run-1", **changes):
        given = {
            "parameters": {"max_depth": 4, "eta": 0.1},
            "metrics": METRICS,
            "artifacts": [plots, report],
            **changes,
        }
        return log_run(settings, "sba_loans", key, HASH, tags={"pipeline": "training"}, **given)

    return call


def _runs(settings):
    mlflow = client(settings)
    return mlflow.search_runs([mlflow.get_experiment_by_name("sba_loans").experiment_id])


def test_a_run_holds_what_went_in_and_what_came_out(log, settings):
    tracked = log()
    (run,) = _runs(settings)
    assert (run.info.run_id, run.info.status, run.info.experiment_id) == (
        tracked.run_id,
        "FINISHED",
        tracked.experiment_id,
    )
    assert run.data.params == {"max_depth": "4", "eta": "0.1"}
    assert run.data.metrics["test/all/auc"] == 0.68
    assert run.data.metrics["test/year_2005/auc.low"] == 0.65
    assert not [name for name in run.data.metrics if name.startswith("backtest")]
    assert run.data.tags["data_hash"] == HASH
    assert run.data.tags["code_version"] == tracked.code_version
    assert run.data.tags["pipeline"] == "training"


def test_artifacts_are_kept_below_home_with_every_metric(log, settings):
    tracked = log()
    folder = settings.home / "mlruns" / "sba_loans" / tracked.run_id / "artifacts"
    assert sorted(p.name for p in folder.iterdir()) == ["labels.json", "lift.svg", "metrics.json"]
    kept = json.loads((folder / "metrics.json").read_text())["metrics"]
    assert [SliceMetrics.model_validate(m) for m in kept] == METRICS


def test_the_same_key_is_the_same_run(log, settings):
    assert log() == log()
    assert log("run-2").run_id != log().run_id
    assert len(_runs(settings)) == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["create_run", "log_batch", "log_artifact", "log_dict", "set_terminated"])
def test_a_run_killed_anywhere_is_completed_by_the_next(log, settings, name, when):
    run_and_kill(log, MlflowClient, name, when)
    tracked = log()
    (run,) = _runs(settings)
    assert (run.info.run_id, run.info.status) == (tracked.run_id, "FINISHED")
    assert len(run.data.metrics) == 9
    history = client(settings).get_metric_history(tracked.run_id, "test/all/auc")
    assert [m.value for m in history] == [0.68]


def test_processes_that_log_one_key_at_once_make_one_run(log, settings):
    run_at_once(*[log] * 3)
    (run,) = _runs(settings)
    assert run.info.status == "FINISHED"


def test_more_metrics_than_fit_in_one_call_are_all_logged(log, settings):
    many = [
        SliceMetrics(dataset="test", slice=f"year={y}", metrics={m: Estimate(value=y, low=y - 1, high=y + 1, n=9)})
        for y in range(1900, 1999)
        for m in ("auc", "brier")
    ]
    log(metrics=many, parameters={f"p{i}": i for i in range(250)})
    (run,) = _runs(settings)
    assert len(run.data.metrics) == 99 * 2 * 3
    assert len(run.data.params) == 250


def test_metric_names_have_no_characters_that_mlflow_refuses():
    assert metric_name("test", "NewExist=*", "lift_10") == "test/NewExist__/lift_10"
