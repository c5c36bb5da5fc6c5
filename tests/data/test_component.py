import json
from types import SimpleNamespace

import polars as pl
import pytest

from components.core.artifacts import hash_file
from components.core.errors import ContractViolation
from components.data import component
from components.data.sources import SAMPLES

SAMPLE = SAMPLES / "sba_ca_1997_2012.parquet"


def artifact(path):
    return SimpleNamespace(path=str(path), metadata={})


@pytest.fixture
def source(tmp_path):
    """One loan in a hundred."""
    pl.read_parquet(SAMPLE).gather_every(100).write_parquet(tmp_path / "source.parquet")
    return tmp_path / "source.parquet"


def test_ingest_step_returns_the_hash_and_notes_what_it_took(source, tmp_path):
    raw = artifact(tmp_path / "raw.parquet")
    found = component.ingest.python_func(use_case="sba_loans", source=str(source), freshness="monday", raw=raw)
    assert found == hash_file(source)
    assert raw.metadata == {"rows": 992, "source": str(source), "data_hash": found, "freshness": "monday"}
    assert pl.read_parquet(raw.path).height == 992


def test_ingest_step_refuses_another_table_and_leaves_nothing(tmp_path):
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "other.parquet")
    raw = artifact(tmp_path / "raw.parquet")
    with pytest.raises(ContractViolation):
        component.ingest.python_func(
            use_case="sba_loans", source=str(tmp_path / "other.parquet"), freshness="", raw=raw
        )
    assert not (tmp_path / "raw.parquet").exists()


def test_check_rows_step_loses_no_row(source, tmp_path):
    raw = artifact(tmp_path / "raw.parquet")
    component.ingest.python_func(use_case="sba_loans", source=str(source), freshness="", raw=raw)
    outputs = {name: artifact(tmp_path / f"{name}.out") for name in ("clean", "quarantine", "report", "metrics")}
    component.check_rows.python_func(use_case="sba_loans", raw=raw, **outputs)
    report = json.loads((tmp_path / "report.out").read_text())
    assert report["kept"] + report["quarantined"] == report["rows"] == 992
    assert pl.read_parquet(tmp_path / "clean.out").height == report["kept"]
    assert outputs["metrics"].metadata == {"rows": 992, "quarantined": report["quarantined"], "repaired": 0}
    assert (tmp_path / "metrics.out").exists()  # else the step would never be taken from the cache


def test_check_rows_step_takes_repaired_rows_in_before_it_counts(source, tmp_path):
    raw = artifact(tmp_path / "raw.parquet")
    component.ingest.python_func(use_case="sba_loans", source=str(source), freshness="", raw=raw)
    found = []
    for repaired in ("", str(tmp_path / "repaired.parquet")):
        outputs = {name: artifact(tmp_path / f"{name}.out") for name in ("clean", "quarantine", "report", "metrics")}
        component.check_rows.python_func(
            use_case="sba_loans", raw=raw, repaired=repaired, freshness="monday", **outputs
        )
        found.append(json.loads((tmp_path / "report.out").read_text()))
        bad = pl.read_parquet(tmp_path / "quarantine.out").filter(pl.col("column") == "RevLineCr").head(5)
        pl.DataFrame([{**json.loads(row), "RevLineCr": "Y"} for row in bad["original"]]).write_parquet(
            tmp_path / "repaired.parquet"
        )
        if not repaired:
            digest = hash_file(tmp_path / "repaired.parquet")
    before, after = found
    assert (before["repaired"], before["repaired_sha256"]) == (0, None)
    assert (after["repaired"], after["repaired_sha256"]) == (5, digest)
    assert (after["rows"], after["kept"]) == (992, before["kept"] + 5)
    assert after["by_column"]["RevLineCr"] == before["by_column"]["RevLineCr"] - 5
    assert pl.read_parquet(tmp_path / "clean.out").height == after["kept"]
    assert outputs["metrics"].metadata == {"rows": 992, "quarantined": after["quarantined"], "repaired": 5}
    assert outputs["clean"].metadata["freshness"] == "monday"
