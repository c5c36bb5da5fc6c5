"""Figures of a run of the training pipeline: registration, and the model served."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from components.core.config import Settings, read_settings
from components.core.contracts import GateResult, SliceMetrics
from components.features.rows import from_frame
from components.judgement.verdict import Verdict
from components.registry.evidence import require_evidence
from components.registry.registry import Registry
from components.serving.smoke import smoke
from components.training.bundle import Bundle
from components.training.evaluate import AllMetrics
from components.training.tune import Trial
from pipelines.benchmarks.measure import Figure, Say, apart, times
from pipelines.benchmarks.overhead import USE_CASE, Ran

REGISTRATION, PARITY = 2.0, 1e-6
"""Targets: seconds without the checks of signature and evidence; difference of two probabilities of one row."""


def measure(ran: Ran, scratch: Path, say: Say) -> list[Figure]:
    """Measure what comes of a run.

    Args:
        ran: a finished run.
        scratch: directory to work in.
        say: takes one line of progress.
    """
    say("registration, 5 times in a registry of its own")
    whole, checks = apart(registered, ran, scratch, 5).result
    say("a fresh model server, 3 times")
    served = apart(server, ran, 3).result
    floor = apart(scored, ran).result
    return [
        Figure("registration, checks apart", whole - checks, "s", "target", REGISTRATION, target=True),
        Figure("  with signature and evidence checked", whole, "s"),
        Figure("server, start to ready", served["startup"], "s"),
        Figure("  one row over V2, p50", served["p50"], "ms", "the model in process", floor),
        Figure("  one row over V2, p95", served["p95"], "ms"),
        Figure(f"  parity with training, {served['rows']:,} rows", served["parity"], "", "target", PARITY, target=True),
    ]


def registered(ran: Ran, scratch: Path, runs: int) -> tuple[float, float]:
    """Register the run's bundle, each time in a registry that has none.

    Returns:
        Median seconds of a registration, and of the checks of signature and evidence, which are part of it.
    """
    bundle, use_case, metrics, gates, report, parameters = entry(ran)
    empty = settings_in(scratch / "empty", ran)
    Registry(empty)  # makes MLflow's tables
    whole = []
    for i in range(runs):
        settings = settings_in(scratch / str(i), ran)
        settings.home.mkdir(parents=True)
        shutil.copy(empty.home / "mlflow.db", settings.home / "mlflow.db")
        registry = Registry(settings)
        started = time.perf_counter()
        registry.register(bundle, use_case, metrics, gates, report, parameters)
        whole.append(time.perf_counter() - started)
    checks = times(lambda: require_evidence(bundle, use_case, gates, report, empty.verify_key), runs)
    return median(whole), checks


def entry(
    ran: Ran,
) -> tuple[Path, str, Sequence[SliceMetrics], Sequence[GateResult], Path, dict[str, object]]:
    """Read what the step ``register`` hands to the registry."""
    return (
        ran.artifact("package", "bundle"),
        USE_CASE,
        AllMetrics.validate_json(ran.artifact("evaluate", "slices").read_bytes()),
        Verdict.model_validate_json(ran.artifact("judge", "verdict").read_bytes()).gates,
        ran.artifact("smoke_test", "report"),
        dict(Trial.model_validate_json(ran.artifact("train", "chosen").read_bytes()).parameters),
    )


def server(ran: Ran, runs: int) -> dict[str, float]:
    """Serve the run's bundle and score rows over V2: medians of start and latency, the worst parity."""
    found = [
        smoke(
            ran.artifact("package", "bundle"),
            ran.artifact("label_rows", "dataset"),
            ran.artifact("train", "predictions"),
            settings_in(ran.home, ran),
            calls=500,
        )
        for _ in range(runs)
    ]
    return {
        "startup": median(r.startup_seconds for r in found),
        "p50": median(r.latency_p50_ms for r in found),
        "p95": median(r.latency_p95_ms for r in found),
        "parity": max(r.parity_max_abs for r in found),
        "rows": found[0].rows,
    }


def scored(ran: Ran, rows: int = 500) -> float:
    """Score single rows with the bundle in this process; returns the median in milliseconds."""
    bundle = Bundle.open(ran.artifact("package", "bundle"))
    columns = from_frame(pl.read_parquet(ran.artifact("label_rows", "dataset")).head(rows), bundle.contract.inputs)
    taken = []
    for i in range(rows):
        row = {name: values[i : i + 1] for name, values in columns.items()}
        started = time.perf_counter()
        bundle.probability(row)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1000


def settings_in(home: Path, ran: Ran) -> Settings:
    """Return the settings of a home, with the keys of the run."""
    keys = {f"FAIRLEAD_{n.upper()}_KEY": str(getattr(read_settings({"FAIRLEAD_HOME": str(ran.home)}), f"{n}_key"))
            for n in ("signing", "verify")}  # fmt: skip
    return read_settings({"FAIRLEAD_HOME": str(home), "FAIRLEAD_ACTOR": "bench", **keys})
