"""A look at a window of logged predictions, from the log on disk to the report on disk, and what it takes."""

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.monitoring.joined import Joined
from components.monitoring.look import Clock, look
from components.monitoring.report import write_report
from components.monitoring.watched import watch
from components.serving.guard import Guard
from components.serving.outcomes import record_outcomes
from components.serving.records import Recorder
from components.serving.scored import ScoredBatch
from components.serving.sinks.sqlite import SqliteSink
from components.training.bundle import Bundle
from pipelines.benchmarks.drift.bench_drift import Window
from pipelines.benchmarks.measure import Say, apart
from pipelines.benchmarks.serving.peers import MODEL
from pipelines.benchmarks.serving.subject import subject
from pipelines.live_traffic import history

KNOWN_BAD = 0.02
"""Share of the predictions of which it is known already that they turned bad."""

SEED = 20_265


def window(settings: Settings, say: Say, bundle: str = "") -> Window:
    """Return what ``bench_drift`` measures a whole look by.

    Args:
        settings: where the registry, the key and the home are.
        say: takes one line of progress.
        bundle: URI of the model's bundle; empty takes the champion, or trains one.
    """

    def measured(rows: int) -> float:
        found = subject(settings, bundle, settings.home / "bench", say)
        features = history(use_cases.load(MODEL), settings.home / "history")
        seconds: dict[str, float] = apart(looked, found.path, features, settings.home / "bench", rows).result
        say("  " + ", ".join(f"{part} {took:.2f} s" for part, took in seconds.items()))
        return sum(seconds.values())

    return measured


def looked(bundle: Path, features: Path, folder: Path, rows: int) -> dict[str, float]:
    """Log so many predictions of the use case's loans, then look at them; only the look is timed.

    Args:
        bundle: directory of the model.
        features: table of ``build_features``.
        folder: a directory that log and report are written below, and taken away from.
        rows: predictions, all within one window.

    Returns:
        Seconds of reading the log, of each part of the look, and of the report.
    """
    opened, case, table = Bundle.open(bundle), use_cases.load(MODEL), pl.read_parquet(features)
    watched = watch(case, opened, "1", table)
    now = date.fromisoformat(opened.contract.as_of) + timedelta(days=case.monitoring.window_days)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="look-", dir=folder) as scratch:
        log = Path(scratch) / "predictions.db"
        _log(log, opened, case, table, now, rows)
        clock = Clock()
        with clock.part("read"):
            known = Joined(f"sqlite:///{log}", log, case, opened.contract.inputs).at(now)
        found = look(watched, known, now, clock)
        with clock.part("report"):
            write_report(found, Path(scratch) / "report.html", [])
        assert found.window.rows == rows, (found.window, rows)
    return clock.seconds


def _log(log: Path, bundle: Bundle, case: UseCase, table: pl.DataFrame, now: date, rows: int) -> None:
    """Log loans from after the training date as if they had all come within the window."""
    rng = np.random.default_rng(SEED)
    later = table.filter(pl.col("event_time").cast(pl.Date) > date.fromisoformat(bundle.contract.as_of))
    loans = later[np.sort(rng.integers(0, len(later), rows))]
    columns = dict(from_frame(loans, bundle.contract.inputs))
    days = rng.integers(0, case.monitoring.window_days, rows)
    columns[case.data.event_time] = np.datetime64(now, "D") - np.sort(days)[::-1].astype("timedelta64[D]")
    probability = bundle.probability(columns)
    batch = ScoredBatch(
        at=datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp(),
        request_ids=[f"loan-{i}" for i in range(rows)],
        row_numbers=[0] * rows,
        columns=columns,
        probability=probability,
        decision=bundle.decide(probability),
        latency_ms=[1.0] * rows,
    )
    guard = Guard.open(bundle.path)
    if guard is not None:
        score, odd = guard.score(bundle.transform.apply(columns))
        batch = replace(batch, outlier_score=score, outlier=odd)
    sink = SqliteSink(log)
    sink.write(Recorder(MODEL, "1", "stable", bundle.contract.inputs).records([batch]))
    sink.close()
    bad = rng.choice(rows, int(KNOWN_BAD * rows), replace=False)
    outcomes = pl.DataFrame({"request_id": [f"loan-{i}" for i in bad], "row": 0, "label": 1})
    record_outcomes(log, outcomes.with_columns(known_at=pl.lit(datetime(now.year, now.month, now.day, tzinfo=UTC))))
