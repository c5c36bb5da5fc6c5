"""The verdict on one candidate: everything measured, held against every gate."""

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate, GateResult, SliceMetrics
from components.core.errors import IntegrityError
from components.core.use_case import UseCase
from components.judgement.behaviour import behave
from components.judgement.check_report import CheckReport
from components.judgement.checks import read_reports
from components.judgement.compare import Comparison, compare
from components.judgement.gates import judge
from components.judgement.leakage_report import LeakageReport
from components.training.bundle import Bundle
from components.training.dataset import read, read_scored, weights_of
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
    checks: tuple[CheckReport, ...] = ()
    """One for each check that was made or left out."""


def read_measured(slices: Path, leakage: Path, smoke: Path, checks: Sequence[Path] = ()) -> Measured:
    """Read the reports of evaluation, leakage check, smoke test and of the other checks."""
    report = json.loads(smoke.read_text(encoding="utf-8"))
    return Measured(
        metrics=tuple(AllMetrics.validate_json(slices.read_bytes())),
        leakage=LeakageReport.model_validate_json(leakage.read_bytes()),
        latency_p95_ms=Estimate(value=report["latency_p95_ms"], n=report["calls"]),
        parity_max_abs=Estimate(value=report["parity_max_abs"], n=report["rows"]),
        checks=read_reports(checks),
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
        champion_predictions: the champion's scores (row_id, probability), null for rows that it learned from or
            could not score, which are left out of the comparison; no rows when there is no champion yet.
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
        checks=measured.checks,
    )
    return Verdict(gates=tuple(results), comparison=comparison)


def _against_champion(use_case: UseCase, dataset: Path, predictions: Path, champion: Path) -> Comparison | None:
    if pl.scan_parquet(champion).select(pl.len()).collect().item() == 0:
        return None
    scores = pl.read_parquet(champion).rename({"probability": "champion"})
    rows = read_scored(dataset, predictions, TEST).join(scores, on="row_id", how="left", maintain_order="left")
    unknown_rows = len(rows) - rows["row_id"].is_in(scores["row_id"].implode()).sum()
    if unknown_rows:
        raise IntegrityError(
            f"{champion.name} does not belong to {dataset.name}: {unknown_rows} of {len(rows)} test rows are not in "
            "it; score the champion anew on this data set"
        )
    new = rows.drop_nulls("champion")
    return compare(
        new["label"].to_numpy().astype("float64"),
        new["probability"].to_numpy(),
        new["champion"].to_numpy(),
        use_case.gates.champion.metric,
        use_case.training.bootstrap_rounds,
        use_case.training.seed,
        weights_of(new),
    )
