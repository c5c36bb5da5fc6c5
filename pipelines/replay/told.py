"""What a replay has shown, put together from its records: cohorts, comparisons, and what was promised."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import UseCase
from components.monitoring.values import Findings
from components.serving.prediction_log_reader import read
from pipelines.replay.compared import compared, losses, plain, served
from pipelines.replay.loop import Loop
from pipelines.replay.values import Cohort, Compared, Control, EstimateError, Moment, Replayed, Way

MONTHS = 3
"""Calendar months of a cohort."""

ALARM_BY = date(2006, 1, 1)
"""Loans of 2005 are the last whose trouble may go unnoticed while they come in."""

COLUMNS = ("at", "request_id", "row", "version", "probability")

_NOTHING = Estimate(value=None, n=0)


def scored(loop: Loop, log: Path, ways: Path) -> pl.DataFrame:
    """Lay every loan's scores side by side: ``row_id``, ``event_time``, ``label``, ``version`` and each way's."""
    answers = served(read(log, columns=COLUMNS), loop.feed.sent)
    rows = loop.world.rows.select("row_id", "event_time", "label")
    return rows.join(answers, on="row_id", how="inner").join(pl.read_parquet(ways), on="row_id", how="inner")


def told(loop: Loop, rows: pl.DataFrame, control: Control, first: date, seconds: Mapping[str, float]) -> Replayed:
    """Put the record of a replay together.

    Args:
        loop: that has run to its end.
        rows: see ``scored``.
        control: of the still world.
        first: day of the first loan.
        seconds: wall seconds by part.
    """
    ways: tuple[Way, ...] = ("fairlead", "frozen", "yearly", "yearly_early", "oracle")
    labels = rows["label"].to_numpy().astype(np.float64)
    found: dict[Way, FloatArray] = {w: losses(rows[w].to_numpy().astype(np.float64), labels) for w in ways}
    comparisons = compared(found, rows["event_time"].dt.truncate("1mo").to_list())
    cohorts = _cohorts(rows, found, loop.findings, loop.use_case)
    return Replayed(
        use_case=loop.use_case.name,
        first=first,
        last=loop.last,
        rows=len(rows),
        requests=loop.feed.requests,
        failed=loop.feed.failed,
        looks=len(loop.findings),
        seconds=dict(seconds),
        moments=tuple(loop.moments),
        cohorts=cohorts,
        compared=comparisons,
        estimate_error=_estimate_error(cohorts, loop.moments),
        control=control,
        promises=_promises(comparisons, loop.moments, control, len(rows) == loop.loans),
        details={"looks": [_look(f) for f in loop.findings]},
    )


def _look(found: Findings) -> dict[str, object]:
    return {
        "now": found.now.isoformat(),
        "version": found.version,
        "rows": found.window.rows,
        "red": [c.key for c in found.calls if c.severity == "red"],
        "amber": [c.key for c in found.calls if c.severity == "amber"],
        "causes": [c.model_dump(mode="json") for c in found.causes],
    }


def _cohorts(
    rows: pl.DataFrame, found: Mapping[Way, FloatArray], looks: Sequence[Findings], use_case: UseCase
) -> tuple[Cohort, ...]:
    made = []
    grouped = rows.with_row_index("place").group_by(first=pl.col("event_time").dt.truncate(f"{MONTHS}mo"))
    for first, places, versions in grouped.agg("place", pl.col("version").mode().first()).sort("first").iter_rows():
        last = _after(first, MONTHS) - timedelta(days=1)
        label = rows["label"].gather(places)
        metric = use_case.monitoring.loss
        made.append(
            Cohort(
                first=first,
                last=last,
                rows=len(places),
                bad_rate=float(label.mean()),  # type: ignore[arg-type]  # not empty
                version=str(versions),
                loss={way: plain(values[places]) for way, values in found.items()},
                estimated=_said(looks, first, last, "estimated", metric),
                early=_said(looks, first, _after(last, 12), "early", metric),
            )
        )
    return tuple(made)


def _said(looks: Sequence[Findings], first: date, by: date, way: str, metric: str) -> Estimate:
    """Return what the newest look up to a day said of a cohort, as it was served."""
    for look in reversed([f for f in looks if f.now <= by]):
        for p in look.performance:
            if p.version != look.version and p.group == "all" and p.cohort.first == first:
                said: Estimate | None = getattr(p, way).get(metric)
                if said is not None and said.value is not None:
                    return said
    return _NOTHING


def _estimate_error(cohorts: Sequence[Cohort], moments: Sequence[Moment]) -> EstimateError:
    both = [(c.estimated.value, c.loss["fairlead"].value) for c in cohorts if c.estimated.value is not None]
    pairs = np.array([(a, b) for a, b in both if b is not None], dtype=np.float64).reshape(-1, 2)
    broken = [m.day for m in moments if m.kind == "alarm" and m.name == "estimate_broken"]
    errors = pairs[:, 0] - pairs[:, 1]
    return EstimateError(
        cohorts=len(pairs),
        correlation=_correlation(pairs),
        mean_absolute_error=float(np.abs(errors).mean()) if len(pairs) else float("nan"),
        mean_error=float(errors.mean()) if len(pairs) else float("nan"),
        broken_since=min(broken, default=None),
    )


def _correlation(pairs: FloatArray) -> Estimate:
    """Pearson's, with Fisher's interval; no value for fewer than five cohorts."""
    n = len(pairs)
    if n < 5 or not pairs.std(axis=0).all():
        return Estimate(value=None, n=n)
    r = float(np.corrcoef(pairs.T)[0, 1])
    z, half = np.arctanh(r), 1.959964 / (n - 3) ** 0.5
    return Estimate(value=r, low=float(np.tanh(z - half)), high=float(np.tanh(z + half)), n=n)


def _promises(
    comparisons: Sequence[Compared], moments: Sequence[Moment], control: Control, whole: bool
) -> dict[str, bool]:
    """Say of everything that a replay has to show whether it did."""
    better = {c.way: c.better_by for c in comparisons}
    alarms = [m.day for m in moments if m.kind == "alarm" and m.severity == "red"]
    shown = {way: (better[way].low or -1.0) > 0 for way in ("frozen", "yearly", "yearly_early")}
    return {
        f"a red alarm before {ALARM_BY}": bool(alarms) and min(alarms) < ALARM_BY,
        "no alarm in a world that stands still": not control.alarms,
        "better than the frozen model, interval above 0": shown["frozen"],
        "better than yearly retraining, interval above 0": shown["yearly"],
        "better than yearly retraining on early labels, interval above 0": shown["yearly_early"],
        "every loan answered once": whole,
    }


def _after(day: date, months: int) -> date:
    later: date = pl.Series([day]).dt.offset_by(f"{months}mo").item()
    return later
