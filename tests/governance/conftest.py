"""The records of a run: what real steps wrote of the small data set, and the rest as its step would have written it."""

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from pydantic import BaseModel

from components.core.contracts import Contract, Estimate, GateResult
from components.core.use_case import UseCase
from components.data.quarantine import QUARANTINE, QuarantineReport
from components.data.schema_report import Anomaly, SchemaReport, Shift
from components.governance.report import Records
from components.judgement.check_report import CheckReport, Figure, Table
from components.judgement.explanation import AllAnchors, AnchorExplanation
from components.judgement.leakage_report import Finding, LeakageReport
from components.judgement.verdict import Verdict
from components.registry.version import Version
from components.serving.smoke import ScoredExample, SmokeReport
from components.training.curves import AllCurves, curves
from components.training.evaluate import AllMetrics, evaluate
from components.training.labels import label_rows
from components.training.tune import Trial
from tests.conftest import AS_OF

GATES = (
    GateResult(gate="auc_floor", check="test/all auc.low >= 0.6", threshold=0.6, value=0.65, verdict="pass"),
    GateResult(
        gate="slice_auc",
        check="test/year=2004 auc.high >= 0.6",
        threshold=0.6,
        value=None,
        verdict="no_data",
        reason="too few rows",
        blocking=False,
    ),
)

BREACHES = [
    {"row": i, "row_id": f"loan-{i}", "rule": rule, "column": "RevLineCr", "value": value, "original": "{}"}
    for i, (rule, value) in enumerate(
        [("RevLineCr in (N, Y)", v) for v in ("T", "<script>alert(1)</script>", "0", "the fourth")]
        + [("another rule", None)]
    )
]


@pytest.fixture(scope="session")
def records(
    sba: UseCase,
    small_dataset: Path,
    predictions: Path,
    signed_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Records:
    """Files of one run; a test that changes one puts another path in its place."""
    folder = tmp_path_factory.mktemp("records")
    quick = sba.model_copy(update={"training": sba.training.model_copy(update={"bootstrap_rounds": 20})})
    features = small_dataset.with_name("features.parquet")
    pl.scan_parquet(features).select("ApprovalDate", y="outcome").sink_parquet(folder / "clean.parquet")
    pl.DataFrame(BREACHES, schema=QUARANTINE).write_parquet(folder / "quarantine.parquet")
    label_rows(features, sba, AS_OF, folder / "again.parquet").write(folder / "labels.json")
    contract = Contract.read(signed_bundle / "contract.json")
    measured = evaluate(small_dataset, predictions, quick, contract.threshold)
    (folder / "slices.json").write_bytes(AllMetrics.dump_json(measured))
    (folder / "curves.json").write_bytes(AllCurves.dump_json(curves(small_dataset, predictions, contract.threshold)))
    (folder / "explanations.json").write_bytes(AllAnchors.dump_json([_explanation()]))
    written: dict[str, BaseModel] = {
        "rows": _rows(),
        "schema": _schema(),
        "leakage": _leakage(),
        "chosen": Trial(algorithm="xgboost", parameters={"max_depth": 4}, log_loss=0.2, seed=1, number=0),
        "verdict": Verdict(gates=GATES, comparison=None),
        "smoke": _smoke(),
        "registered": _registered(contract, signed_bundle),
        "check": _check(),
    }
    for name, record in written.items():
        (folder / f"{name}.json").write_text(record.model_dump_json(), encoding="utf-8")
    tables = {name: folder / f"{name}.parquet" for name in ("clean", "quarantine")}
    told = ("labels", "slices", "curves", "explanations", *(name for name in written if name != "check"))
    files = {name: folder / f"{name}.json" for name in told}
    return Records(**tables, **files, bundle=signed_bundle, checks=(folder / "check.json",))


def with_verdict(folder: Path, gates: Sequence[GateResult], comparison: object) -> Path:
    """Write another verdict and return its file."""
    path = folder / "verdict.json"
    path.write_text(Verdict.model_validate({"gates": gates, "comparison": comparison}).model_dump_json())
    return path


def _check() -> CheckReport:
    return CheckReport(
        check="fairness",
        summary=("Two groups are treated alike.",),
        figures=(Figure(name="selection_rate", of="sex=1", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=96)),),
        meanings={"selection_rate": "share of good decisions"},
        tables=(Table(title="Groups & rows", header=("group", "rows"), rows=(("sex=1", "96"),)),),
    )


def _rows() -> QuarantineReport:
    by_rule = {"RevLineCr in (N, Y)": 4, "another rule": 1}
    return QuarantineReport(
        rows=12_345,
        kept=12_340,
        quarantined=5,
        share=5 / 12_345,
        limit=0.05,
        by_rule=by_rule,
        by_column={"RevLineCr": 5},
    )


def _schema() -> SchemaReport:
    moved = Shift(
        column="LowDoc",
        measure="l_infinity",
        baseline="2003",
        compared="2004",
        baseline_rows=900,
        compared_rows=900,
        value=0.31,
        threshold=0.1,
        exceeded=True,
    )
    return SchemaReport(
        use_case="sba_loans",
        as_of=AS_OF,
        rows=12_345,
        schema_file="schemas/sba_loans.pbtxt",
        note="curated by hand",
        columns=(),
        anomalies=(Anomaly(column="NAICS", kind="unknown_values", reason="a <new> value", severity="warning"),),
        skew=(),
        drift=(moved, moved.model_copy(update={"column": "State", "value": None, "exceeded": False})),
    )


def _leakage() -> LeakageReport:
    safe = Finding(column="GrAppv", check="order", value=0.5, threshold=0.85, n=900, leaks=False, excluded=False)
    leak = {"column": "Term", "value": 0.93, "leaks": True, "excluded": True, "reason": "known only later"}
    return LeakageReport(rows=12_340, sampled=900, findings=(safe, safe.model_copy(update=leak)))


def _smoke() -> SmokeReport:
    curl = """curl -s http://127.0.0.1:8080/v2/models/sba_loans/infer -d '{"inputs": []}'"""
    return SmokeReport(
        model="sba_loans",
        version="abc",
        startup_seconds=4.2,
        rows=1_000,
        parity_max_abs=1.5e-8,
        parity_row="1",
        calls=200,
        latency_p50_ms=2.0,
        latency_p95_ms=999.7,
        examples=(ScoredExample(name="median", probability=0.0213, decision=1, curl=curl),),
    )


def _explanation() -> AnchorExplanation:
    return AnchorExplanation(
        row="median",
        probability=0.0213,
        decision=1,
        rules=("SBA_Appv < 20,000", "NewExist = '2'"),
        precision=0.97,
        coverage=0.2,
        samples=900,
        sought_precision=0.95,
    )


def _registered(contract: Contract, bundle: Path) -> Version:
    return Version(
        use_case="sba_loans",
        version=3,
        uri=str(bundle),
        digest="d" * 64,
        aliases=("challenger",),
        archived_at=None,
        created="2020-01-01T00:00:00+00:00",
        registered_by="tester",
        run_id="run-of-mlflow",
        contract=contract,
        parameters={},
        metrics=(),
        gates=GATES,
    )


def changed(path: Path, folder: Path, **fields: object) -> Path:
    """Write a JSON record anew with some fields changed, and return its file."""
    target = folder / path.name
    target.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")
    return target
