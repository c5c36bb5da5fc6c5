"""One look: from watched rows, as they are known on a day, to findings. The same rows and day always give the same."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from components.core.contracts import Estimate
from components.core.errors import FairleadError
from components.monitoring.calls import Measured, calls
from components.monitoring.causes.find import find_causes
from components.monitoring.drift.engine import measure_drift
from components.monitoring.drift.references import Reference, pick_reference
from components.monitoring.estimated import tracked
from components.monitoring.histograms import histograms
from components.monitoring.label_report import label_report
from components.monitoring.performance import performance
from components.monitoring.values import Cause, DriftReport, Findings, Performance, Window
from components.monitoring.watched import Watched
from components.training.curves import wilson

SHOWN = 12
"""Subjects whose distribution is kept for the report: those that drifted, then those that matter most."""

OWN_COHORTS = 24
"""Months back from today for which the reigning model's own performance is told by group; older ones as a whole."""


@dataclass(frozen=True)
class Clock:
    """How long each part of a look took, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the seconds of a block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def look(watched: Watched, rows: pl.DataFrame, now: date, clock: Clock | None = None) -> Findings:
    """Look once.

    Two performances are told. That of version ``all`` is what clients got, whoever answered. That of the reigning
    version is what its answers would have been for every row that came after those it learned from, whoever answered:
    it is the one that alarms and retraining go by, since a loss of a model that is gone calls for nothing.

    Args:
        watched: the reigning model.
        rows: watched rows as of ``now``, see ``components.monitoring.joined``.
        now: nothing known later is in the rows.
        clock: gets the seconds of each part.

    Raises:
        FairleadError: a row is of a later day than ``now``.
    """
    timed = clock or Clock()
    _check(rows, now)
    monitoring = watched.use_case.monitoring
    first = now - timedelta(days=monitoring.window_days - 1)
    with timed.part("score"):
        scored = watched.scored(rows)
        window = scored.filter(pl.col("event_time") >= first)
    with timed.part("drift"):
        kind, least = monitoring.drift.reference, monitoring.drift.minimum_rows
        picked = pick_reference(kind, scored, "event_time", (first, now), least, watched.reference)
        drift = _drift(watched, picked, window, first, now)
    with timed.part("performance"):
        served = performance(rows, watched.use_case, now, history=watched.history, since=_back(now, OWN_COHORTS))
        mine = _own(watched, scored, now)
    with timed.part("causes"):
        causes = _causes(watched, picked, window, drift)
    with timed.part("labels"):
        labels = label_report(rows, watched.use_case, now)
    measured = Measured(
        drift=drift,
        performance=mine,
        expected_loss=watched.expected_loss,
        outlier_rate=_outliers(window),
        delay_days=labels.delay_days,
    )
    with timed.part("figures"):
        figures = _figures(watched, picked, window, drift, (*served, *mine), labels.model_dump(mode="json"))
    return Findings(
        use_case=watched.use_case.name,
        model=watched.bundle.contract.model,
        version=watched.version,
        now=now,
        window=Window(first=first, last=now, rows=len(window)),
        drift=drift,
        performance=(*served, *mine),
        expected_loss=watched.expected_loss,
        outlier_rate=measured.outlier_rate,
        causes=causes,
        calls=calls(measured, monitoring),
        figures=figures,
    )


def _check(rows: pl.DataFrame, now: date) -> None:
    newest = rows["event_time"].max()
    if isinstance(newest, date) and newest > now:
        raise FairleadError(f"rows up to {newest} were handed to a look as of {now}; take the rows as of {now}")


def _back(now: date, months: int) -> date:
    back: date = pl.Series([now]).dt.offset_by(f"-{months}mo").item()
    return back


def _own(watched: Watched, scored: pl.DataFrame, now: date) -> tuple[Performance, ...]:
    """Tell what the reigning model's answers would have been worth, on rows that it has not learned from."""
    new = scored.filter(pl.col("event_time") > watched.trained_until)
    if new.is_empty():
        return ()
    found = performance(new, watched.use_case, now, history=watched.history, since=_back(now, OWN_COHORTS))
    return tuple(p.model_copy(update={"version": watched.version}) for p in found)


def _drift(watched: Watched, picked: Reference, window: pl.DataFrame, first: date, now: date) -> DriftReport | None:
    if window.is_empty():
        return None
    domains = {f.name: f.values for f in watched.bundle.contract.inputs if f.values is not None}
    windows = (picked.window, Window(first=first, last=now, rows=len(window)))
    drift = watched.use_case.monitoring.drift
    return measure_drift(picked.rows, window, watched.kinds, drift, windows, domains=domains)


def _causes(watched: Watched, picked: Reference, window: pl.DataFrame, drift: DriftReport | None) -> tuple[Cause, ...]:
    if drift is None or not drift.drifted() or picked.rows.is_empty():
        return ()
    # Causes are told of what was sent, and drift is measured on what the model makes of it: so it tests for itself.
    sent = {f.name: f.kind for f in watched.bundle.contract.inputs}
    return find_causes(picked.rows, window, None, watched.importance, sent, score=watched.bundle.probability)


def _outliers(window: pl.DataFrame) -> Estimate:
    flagged = window["outlier"].drop_nulls()
    n, odd = len(flagged), int(flagged.sum())
    if n == 0:
        return Estimate(value=None, n=0)
    low, high = wilson(odd, n)
    return Estimate(value=odd / n, low=low, high=high, n=n)


def _figures(
    watched: Watched,
    picked: Reference,
    window: pl.DataFrame,
    drift: DriftReport | None,
    told: Sequence[Performance],
    labels: Mapping[str, Any],
) -> dict[str, Any]:
    monitoring = watched.use_case.monitoring
    drifted = () if drift is None else tuple(s for s in drift.drifted() if s != "*")
    by_importance = sorted(watched.importance, key=lambda name: -watched.importance[name])
    subjects = list(dict.fromkeys([*drifted, "probability", *by_importance]))
    served = [p for p in told if p.version != watched.version]
    return {
        "importance": dict(watched.importance),
        "histograms": histograms(picked.rows, window, [s for s in subjects if s in watched.kinds][:SHOWN]),
        "estimate_error": tracked(served, monitoring.loss).model_dump(mode="json"),
        "labels": labels,
        "window_rows": len(window),
        "trained_until": watched.trained_until.isoformat(),
    }
