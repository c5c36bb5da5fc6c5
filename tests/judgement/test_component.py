import json
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

from components.core.errors import FairleadError, GateFailed
from components.core.use_case import SHIPPED
from components.judgement import component
from components.judgement.check_report import CheckReport
from components.judgement.verdict import Verdict
from components.registry.champion import NO_SCORES
from components.training import signing


def artifact(path):
    return SimpleNamespace(path=str(path), metadata={})


@pytest.fixture
def use_case():
    """The shipped use case as text, with few rounds and one floor that is in reach or not."""

    def text(minimum: float) -> str:
        case = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
        case["training"]["bootstrap_rounds"] = 20
        case["gates"]["floors"] = [{"gate": "auc_floor", "metric": "auc", "minimum": minimum}]
        return yaml.safe_dump(case)

    return text


def test_package_step_signs_with_the_keys_of_the_place(draft, packed, session_settings, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_HOME", str(session_settings.home))
    inputs = {name: artifact(getattr(packed, name)) for name in ("rows", "labels", "slices")}
    component.package.python_func(
        window="",
        use_case="sba_loans",
        draft=artifact(draft),
        **inputs,
        checks=[artifact(path) for path in packed.checks],
        bundle=artifact(tmp_path / "bundle"),
        card=artifact(tmp_path / "card.md"),
    )
    signing.verify(tmp_path / "bundle", session_settings.verify_key)
    assert (tmp_path / "card.md").read_text() == (tmp_path / "bundle" / "model_card.md").read_text()


@pytest.fixture
def judge(use_case, signed_bundle, small_dataset, predictions, packed, tmp_path):
    def call(minimum: float) -> None:
        NO_SCORES.write_parquet(tmp_path / "champion.parquet")
        leakage = {"rows": 9, "sampled": 9, "findings": []}
        (tmp_path / "leakage.json").write_text(json.dumps(leakage))
        smoke = {"latency_p95_ms": 4.5, "calls": 200, "parity_max_abs": 3e-8, "rows": 900}
        (tmp_path / "smoke.json").write_text(json.dumps(smoke))
        component.judge.python_func(
            use_case=use_case(minimum),
            bundle=artifact(signed_bundle),
            dataset=artifact(small_dataset),
            predictions=artifact(predictions),
            champion_predictions=artifact(tmp_path / "champion.parquet"),
            slices=artifact(packed.slices),
            leakage=artifact(tmp_path / "leakage.json"),
            smoke=artifact(tmp_path / "smoke.json"),
            checks=[artifact(path) for path in packed.checks],
            verdict=artifact(tmp_path / "verdict.json"),
            gates=artifact(tmp_path / "gates.md"),
            page=artifact(tmp_path / "page.html"),
        )
        component.require_gates.python_func(verdict=artifact(tmp_path / "verdict.json"))

    return call


def test_judge_step_writes_everything_down_before_the_next_one_stops_the_run(judge, tmp_path):
    with pytest.raises(GateFailed, match="stopped by auc_floor"):
        judge(0.99)
    page = (tmp_path / "page.html").read_text()
    assert "stopped by auc_floor" in page
    assert "0.654 [0.6, 0.7]" in page
    verdict = Verdict.model_validate_json((tmp_path / "verdict.json").read_bytes())
    assert {g.gate: g.verdict for g in verdict.gates}["auc_floor"] == "fail"
    assert "auc_floor" in (tmp_path / "gates.md").read_text()


def test_judge_step_names_no_gate_that_was_passed(judge):
    # The leakage report looked at nothing, which is no pass either.
    with pytest.raises(GateFailed, match="stopped by leakage\n"):
        judge(0.6)


def test_check_step_leaves_out_what_the_use_case_leaves_out(signed_bundle, small_dataset, tmp_path):
    case = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
    case["judgement"] = {"omit": {"fairness": "nobody is in the data"}}
    component.check.python_func(
        use_case=yaml.safe_dump(case),
        name="fairness",
        bundle=artifact(signed_bundle),
        dataset=artifact(small_dataset),
        champion=artifact(tmp_path / "none"),
        anchors=artifact(tmp_path / "none"),
        report=artifact(tmp_path / "report.json"),
    )
    report = CheckReport.model_validate_json((tmp_path / "report.json").read_bytes())
    assert (report.check, report.omitted) == ("fairness", "nobody is in the data")


def test_leakage_step_stops_at_a_column_that_tells(small_dataset, tmp_path):
    features = pl.read_parquet(small_dataset.with_name("features.parquet"))
    clean = features.rename({"outcome": "y", "outcome_time": "ChgOffDate", "row_id": "LoanNr_ChkDgt"}, strict=False)
    clean.with_columns(Zip=pl.col("y") * 1000).write_parquet(tmp_path / "clean.parquet")
    with pytest.raises(FairleadError, match="Zip"):
        component.check_leakage.python_func(
            use_case="sba_loans", clean=artifact(tmp_path / "clean.parquet"), report=artifact(tmp_path / "report.json")
        )
    report = json.loads((tmp_path / "report.json").read_text())
    assert any(f["column"] == "Zip" and f["leaks"] for f in report["findings"])
