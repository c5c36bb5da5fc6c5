"""The verdict on one candidate: everything measured, held against every gate."""

import json
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate, GateResult, SliceMetrics
from components.core.use_case import UseCase
from components.judgement.behaviour import behave
from components.judgement.compare import Comparison, compare
from components.judgement.gates import judge
from components.judgement.leakage import LeakageReport
from components.training.bundle import Bundle
from components.training.dataset import read, read_scored
from components.training.evaluate import AllMetrics
from components.training.splits import TEST


class Verdict(BaseModel):
    """What the gates found, and the comparison with the champion where there was one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[GateResult, ...]
    comparison: Comparison | None


class Measured(BaseModel):
    """What other steps measured of the candidate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: tuple[SliceMetrics, ...]
    leakage: LeakageReport
    latency_p95_ms: Estimate
    """Of single-row calls to a fresh server."""
    parity_max_abs: Estimate
    """Largest difference between the served and the offline probability of the same row."""


def read_measured(slices: Path, leakage: Path, smoke: Path) -> Measured:
    """Read the reports of evaluation, leakage check and smoke test."""
    report = json.loads(smoke.read_text(encoding="utf-8"))
    return Measured(
        metrics=tuple(AllMetrics.validate_json(slices.read_bytes())),
        leakage=LeakageReport.model_validate_json(leakage.read_bytes()),
        latency_p95_ms=Estimate(value=report["latency_p95_ms"], n=report["calls"]),
        parity_max_abs=Estimate(value=report["parity_max_abs"], n=report["rows"]),
    )


def reach_verdict(
    use_case: UseCase,
    bundle: Path,
    dataset: Path,
    predictions: Path,
    champion_predictions: Path,
    measured: Measured,
) -> Verdict:
    """Judge a candidate on the test split.

    Args:
        use_case: holds the gates.
        bundle: the candidate's, sealed.
        dataset: what ``label_rows`` wrote.
        predictions: the candidate's scores of its rows.
        champion_predictions: the champion's scores (row_id, probability); no rows when there is no champion yet.
        measured: what other steps measured.
    """
    opened = Bundle.open(bundle)
    behaviours = behave(opened.probability, read(dataset, use_case, TEST).columns, use_case.gates.behaviour)
    comparison = _against_champion(use_case, dataset, predictions, champion_predictions)
    results = judge(
        use_case,
        measured.metrics,
        comparison=comparison,
        behaviours=behaviours,
        latency_p95_ms=measured.latency_p95_ms,
        parity_max_abs=measured.parity_max_abs,
        leakage=measured.leakage,
    )
    return Verdict(gates=tuple(results), comparison=comparison)


def _against_champion(use_case: UseCase, dataset: Path, predictions: Path, champion: Path) -> Comparison | None:
    if pl.scan_parquet(champion).select(pl.len()).collect().item() == 0:
        return None
    ours, theirs = read_scored(dataset, predictions, TEST), read_scored(dataset, champion, TEST)
    return compare(
        ours["label"].to_numpy().astype("float64"),
        ours["probability"].to_numpy(),
        theirs["probability"].to_numpy(),
        use_case.gates.champion.metric,
        use_case.training.bootstrap_rounds,
        use_case.training.seed,
    )
