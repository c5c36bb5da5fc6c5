import json
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

from components.core.contracts import Contract
from components.core.use_case import SHIPPED
from components.training import component
from components.training.evaluate import AllMetrics
from components.training.outliers import Outliers
from components.training.tune import Trials
from tests.conftest import AS_OF


class Logged(SimpleNamespace):
    """An artifact that is told a ROC curve."""

    def log_roc_curve(self, fpr, tpr, threshold):
        self.metadata["roc"] = [fpr, tpr, threshold]


def artifact(path):
    return Logged(path=str(path), metadata={})


@pytest.fixture(scope="module")
def quick():
    """The shipped use case as text, with few bootstrap rounds."""
    case = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
    case["training"]["bootstrap_rounds"] = 20
    return yaml.safe_dump(case)


def test_label_step_writes_data_set_and_report(small_dataset, tmp_path):
    component.label_rows.python_func(
        window="",
        use_case="sba_loans",
        as_of=AS_OF.isoformat(),
        features=artifact(small_dataset.with_name("features.parquet")),
        dataset=artifact(tmp_path / "dataset.parquet"),
        report=artifact(tmp_path / "report.json"),
    )
    assert pl.read_parquet(tmp_path / "dataset.parquet").equals(pl.read_parquet(small_dataset))
    assert json.loads((tmp_path / "report.json").read_text())["as_of"] == "2008-12-31"


def test_a_search_is_done_shard_by_shard_and_the_best_trial_is_trained(small_dataset, tmp_path):
    shards = [{"algorithm": "xgboost", "seed": 1, "trials": 1}, {"algorithm": "logistic", "seed": 2, "trials": 1}]
    found = [artifact(tmp_path / f"trials_{i}.json") for i in range(len(shards))]
    for shard, trials in zip(shards, found, strict=True):
        component.tune.python_func(
            window="", use_case="sba_loans", shard=shard, dataset=artifact(small_dataset), trials=trials
        )
    outputs = {name: artifact(tmp_path / name) for name in ("draft", "predictions", "chosen")}
    component.train.python_func(
        window="",
        use_case="sba_loans",
        as_of=AS_OF.isoformat(),
        data_hash="d" * 64,
        features=artifact(small_dataset.with_name("features.parquet")),
        dataset=artifact(small_dataset),
        trials=found,
        watermark="",
        **outputs,
    )
    trials = [t for a in found for t in Trials.validate_json((tmp_path / a.path).read_bytes())]
    chosen = json.loads((tmp_path / "chosen").read_text())
    assert chosen["log_loss"] == min(t.log_loss for t in trials)
    contract = Contract.read(tmp_path / "draft" / "contract.json")
    assert (contract.algorithm, contract.data_hash) == (chosen["algorithm"], "d" * 64)
    assert Outliers.read(tmp_path / "draft" / "outliers.json").last_day <= AS_OF
    assert pl.read_parquet(tmp_path / "predictions").height == pl.read_parquet(small_dataset).height


def test_evaluate_step_writes_metrics_curves_and_plots(quick, small_dataset, predictions, signed_bundle, tmp_path):
    outputs = {name: artifact(tmp_path / name) for name in ("slices", "curves", "plots", "metrics", "roc")}
    component.evaluate.python_func(
        use_case=quick,
        dataset=artifact(small_dataset),
        draft=artifact(signed_bundle),
        predictions=artifact(predictions),
        **outputs,
    )
    slices = AllMetrics.validate_json((tmp_path / "slices").read_bytes())
    whole = next(m for m in slices if (m.dataset, m.slice) == ("test", "all"))
    assert outputs["metrics"].metadata["auc"] == whole.metrics["auc"].value
    assert (tmp_path / "plots").read_text().count("<svg") == 3
    assert (tmp_path / "metrics").exists()
    assert len(outputs["roc"].metadata["roc"]) == 3
