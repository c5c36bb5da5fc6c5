import json
from types import SimpleNamespace

import polars as pl

from components.features import component


def artifact(path):
    return SimpleNamespace(path=str(path), metadata={})


def test_features_step_writes_store_features_and_report(small_dataset, tmp_path):
    """A few hundred loans, as check_rows leaves them."""
    features = pl.read_parquet(small_dataset.with_name("features.parquet")).head(300)
    clean = features.rename({"row_id": "LoanNr_ChkDgt", "outcome": "y", "outcome_time": "ChgOffDate"})
    clean.write_parquet(tmp_path / "clean.parquet")
    outputs = {name: artifact(tmp_path / name) for name in ("store", "features", "report")}
    component.build_features.python_func(use_case="sba_loans", clean=artifact(tmp_path / "clean.parquet"), **outputs)
    written = pl.read_parquet(tmp_path / "features")
    assert written["row_id"].to_list() == features["row_id"].to_list()
    assert json.loads((tmp_path / "report").read_text())["rows"] == 300
