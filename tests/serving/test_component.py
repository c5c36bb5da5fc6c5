import json
from types import SimpleNamespace

import polars as pl

from components.serving import component


def artifact(path):
    return SimpleNamespace(path=str(path), metadata={})


def test_smoke_step_serves_scores_and_notes_the_figures(
    signed_bundle, small_dataset, predictions, session_settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("FAIRLEAD_HOME", str(session_settings.home))
    pl.read_parquet(small_dataset).head(50).write_parquet(tmp_path / "dataset.parquet")
    outputs = {name: artifact(tmp_path / name) for name in ("report", "metrics")}
    component.smoke_test.python_func(
        bundle=artifact(signed_bundle),
        dataset=artifact(tmp_path / "dataset.parquet"),
        predictions=artifact(predictions),
        **outputs,
    )
    report = json.loads((tmp_path / "report").read_text())
    assert report["rows"] == 50
    assert report["parity_max_abs"] <= 1e-6
    assert outputs["metrics"].metadata == {k: report[k] for k in ("parity_max_abs", "latency_p95_ms")}
    assert (tmp_path / "metrics").exists()
