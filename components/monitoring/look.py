"""One look: from watched rows, as they are known on a day, to findings. The same rows and day always give the same."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from components.core.contracts import Estimate
from components.core.errors import ContractViolation, FairleadError
from components.monitoring.calls import Measured, calls
from components.monitoring.causes.find import find_causes
from components.monitoring.concept import concept, concept_calls
from components.monitoring.drift.apart import Discrepancy
from components.monitoring.drift.engine import measure_drift
from components.monitoring.fairness import fairness
from components.monitoring.figures import figures, of_streams
from components.monitoring.joined import KEY
from components.monitoring.label_report import label_report
from components.monitoring.performance import NEEDED, performance
from components.monitoring.values import Call, Cause, DriftReport, Findings, Performance
from components.monitoring.watched import Watched
from components.monitoring.weighed import weighed
from components.monitoring.windows import Windows, cut, why_nothing
from components.training.shares import wilson

ALL = "all"
"""Stands for every version together."""

EXPLAINED = ("drift", "missing", "schema", "loss", "estimated_loss", "estimate_broken", "group", "outliers")
"""Calls whose causes are looked for; those about labels have their own in their words."""

COHORT_MONTHS = 24
"""Performance is told of cohorts that ended no longer ago."""


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


def look(
    watched: Watched, rows: pl.DataFrame, now: date, clock: Clock | None = None, apart: Discrepancy | None = None
) -> Findings:
    """Look once.

    Two performances are told. That of version ``all`` is what clients got, whoever answered. That of the reigning
    version is what its answers would have been for every row that came after those it learned from, whoever answered:
    it is the one that alarms and retraining go by, since a loss of a model that is gone calls for nothing.

    Args:
        watched: the reigning model.
        rows: watched rows as of ``now``, see ``components.monitoring.joined``.
        now: nothing known later is in the rows, and the model was trained by then.
        clock: gets the seconds of each part.
        apart: what ``drift.apart`` found of the same windows; without it ``mmd`` has no data.

    Raises:
        ContractViolation: a column is missing.
        FairleadError: the rows, or the model, know of a later day than ``now``.
    """
    timed = clock or Clock()
    rows = _checked(watched, rows, now)
    with timed.part("score"):
        scored = watched.scored(rows)
        new = scored.filter(pl.col("event_time") > watched.trained_until)
    windows = cut(watched, scored, now)
    with timed.part("drift"):
        drift = _drift(watched, windows, apart)
    with timed.part("performance"):
        served = _performance(watched, rows, ALL, now)
        mine = _performance(watched, new, watched.version, now)
        treated = fairness(rows, watched.use_case, now, since=_back(now, COHORT_MONTHS))
    with timed.part("concept"):
        streams = concept(watched, new, now)
    with timed.part("labels"):
        labels = label_report(rows, watched.use_case, now)
    outliers = _outliers(windows.rows)
    measured = Measured(drift, mine, watched.expected_loss, outliers, labels.delay_days, treated)
    monitoring, limits = watched.use_case.monitoring, watched.use_case.gates.limits
    called = _red_first(*calls(measured, monitoring, limits), *concept_calls(streams, monitoring))
    with timed.part("causes"):
        causes = _causes(watched, windows, called, now)
    with timed.part("figures"):
        further = figures(watched, windows, drift, served) | of_streams(streams)
        further |= {"labels": labels.model_dump(mode="json"), "no_data": why_nothing(windows, rows)}
        further |= {"fairness": [t.model_dump(mode="json") for t in treated]} if treated else {}
    return Findings(
        use_case=watched.use_case.name,
        model=watched.bundle.contract.model,
        version=watched.version,
        now=now,
        window=windows.current,
        drift=drift,
        performance=(*served, *mine),
        expected_loss=watched.expected_loss,
        outlier_rate=outliers,
        causes=causes,
        calls=called,
        figures=further,
    )


def _checked(watched: Watched, rows: pl.DataFrame, now: date) -> pl.DataFrame:
    """Return the rows in their order, since samples and halves depend on it."""
    inputs = (f.name for f in watched.bundle.contract.inputs)
    needed = dict.fromkeys((*KEY, *NEEDED, "outlier", *inputs))
    if missing := [name for name in needed if name not in rows.columns]:
        raise ContractViolation(
            f"watched rows lack {', '.join(missing)}; found: {', '.join(rows.columns)}. Make them with Joined, of the "
            "log of this very model"
        )
    for name, what in (("event_time", "events"), ("known_on", "outcomes")):
        newest = rows[name].max()
        if isinstance(newest, date) and newest > now:
            raise FairleadError(f"{what} up to {newest} were handed to a look as of {now}; take the rows as of {now}")
    if now < watched.as_of:
        raise FairleadError(
            f"version {watched.version} of {watched.use_case.name} was trained as of {watched.as_of} and cannot be "
            f"looked at as of {now}: it knows what came later; look as of {watched.as_of} or a later day"
        )
    return rows.sort("event_time", *KEY)


def _red_first(*found: Call) -> tuple[Call, ...]:
    return tuple(sorted(found, key=lambda call: call.severity == "amber"))


def _back(now: date, months: int) -> date:
    back: date = pl.Series([now]).dt.offset_by(f"-{months}mo").item()
    return back


def _performance(watched: Watched, rows: pl.DataFrame, version: str, now: date) -> tuple[Performance, ...]:
    if rows.is_empty():
        return ()
    found = performance(rows, watched.use_case, now, history=watched.history, since=_back(now, COHORT_MONTHS))
    return tuple(p.model_copy(update={"version": version}) for p in found)


def _drift(watched: Watched, windows: Windows, apart: Discrepancy | None) -> DriftReport | None:
    if windows.rows.is_empty():
        return None
    reference = windows.reference
    return measure_drift(
        reference.rows,
        windows.rows,
        watched.kinds,
        watched.use_case.monitoring.drift,
        (reference.window, windows.current),
        domains={f.name: f.values for f in watched.bundle.contract.inputs if f.values is not None},
        discrepancy=apart,
        reason=reference.reason,
    )


def _causes(watched: Watched, windows: Windows, called: Sequence[Call], now: date) -> tuple[Cause, ...]:
    """Look for what lies behind calls; where nothing called there is nothing to explain."""
    if not any(call.name in EXPLAINED for call in called):
        return ()
    labels, grown = watched.use_case.labels, watched.grown
    sides = [
        rows
        if "weight" in rows.columns
        else weighed(rows, now, labels.maturity_months, labels.minimum_developed, grown)
        for rows in (windows.reference.rows, windows.rows)
    ]
    # Causes are told of what was sent, and drift is measured on what the model makes of it: so it tests for itself.
    sent = {f.name: f.kind for f in watched.bundle.contract.inputs}
    return find_causes(sides[0], sides[1], None, watched.importance, sent, score=watched.bundle.probability)


def _outliers(window: pl.DataFrame) -> Estimate:
    flagged = window["outlier"].drop_nulls()
    n, odd = len(flagged), int(flagged.sum())
    if n == 0:
        return Estimate(value=None, n=0)
    low, high = wilson(odd, n)
    return Estimate(value=odd / n, low=low, high=high, n=n)
