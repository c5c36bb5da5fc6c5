"""What a replay has shown, put together from its records: cohorts, comparisons, and what was promised."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import UseCase
from components.monitoring.look import ALL
from components.monitoring.values import Findings
from components.registry.registry import Registry
from components.serving.prediction_log_reader import read
from pipelines.replay.compared import compared, losses, plain, served
from pipelines.replay.loop import Loop
from pipelines.replay.values import Cohort, Compared, Control, EstimateError, Moment, Replayed, Way

EARLY_MONTHS = 24
"""So long after a cohort's end is told what its early labels say: a year before the last of them are known."""

MONTHS = 3
"""Calendar months of a cohort."""

FRESH = timedelta(days=28)
"""A look that is older says nothing of what is known on a day."""

ALARM_BY = date(2006, 1, 1)
"""Loans of 2005 are the last whose trouble may go unnoticed while they come in."""

BROKEN = "estimate_broken"
"""Name of the call by which the platform says that estimates without labels are not to be relied on."""

REFUTED = "loss/bad outcomes"
"""Key of the call that more bad outcomes have come in than the probabilities said: what those estimates rest on."""

COLUMNS = ("at", "request_id", "row", "version", "variant", "probability")

CERTAIN = 1 - 1e-12
"""Correlations beyond it have no interval by Fisher's rule."""

_NOTHING = Estimate(value=None, n=0)


def scored(loop: Loop, log: Path, ways: Path) -> pl.DataFrame:
    """Lay all scores side by side: ``row_id``, ``event_time``, ``label``, ``matures``, ``version`` and each way's."""
    answers = served(read(log, columns=COLUMNS), loop.feed.sent)
    rows = loop.world.rows.select("row_id", "event_time", "label", "matures")
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
    case = loop.use_case
    ways: tuple[Way, ...] = ("fairlead", "frozen", "yearly", "yearly_early", "oracle")
    labels = rows["label"].to_numpy().astype(np.float64)
    found: dict[Way, FloatArray] = {w: losses(rows[w].to_numpy().astype(np.float64), labels) for w in ways}
    comparisons = compared(found, rows["event_time"].dt.truncate("1mo").to_list())
    cohorts = _cohorts(rows, found, loop.findings, case)
    errors = _estimate_error(cohorts, loop.findings)
    whole = len(rows) == rows["row_id"].n_unique() == loop.loans
    trained = {
        str(v.version): date.fromisoformat(v.contract.as_of) for v in Registry(loop.settings).versions(case.name)
    }
    return Replayed(
        use_case=case.name,
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
        estimate_error=errors,
        control=control,
        promises=promised(comparisons, loop.moments, control, errors, whole=whole, foretold=foretold(rows, trained)),
        immature=_immature(rows, case),
        details={"looks": [_look(f) for f in loop.findings]},
    )


def _immature(rows: pl.DataFrame, use_case: UseCase) -> int:
    """Count the rows of which even hindsight does not know for sure what becomes of them."""
    until = use_case.data.known_until
    return 0 if until is None else len(rows.filter(pl.col("matures") > until))


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
    for first, places, versions in (
        grouped.agg("place", pl.col("version").mode().sort().first()).sort("first").iter_rows()
    ):
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
                early=_said(looks, first, _after(last, EARLY_MONTHS), "early", metric),
            )
        )
    return tuple(made)


def _said(looks: Sequence[Findings], first: date, by: date, way: str, metric: str) -> Estimate:
    """Return what the look of a day, or of the last ones before it, said of what clients got.

    What an older look said is no answer to what was known on that day, so where there was no look it is no data.
    """
    there = [f for f in looks if by - FRESH < f.now <= by]
    for p in there[-1].performance if there else ():
        if p.version == ALL and p.group == "all" and p.cohort.first == first:
            said: Estimate = getattr(p, way).get(metric, _NOTHING)
            return said
    return _NOTHING


def _estimate_error(cohorts: Sequence[Cohort], looks: Sequence[Findings]) -> EstimateError:
    both = [(c.estimated.value, c.loss["fairlead"].value) for c in cohorts if c.estimated.value is not None]
    pairs = np.array([(a, b) for a, b in both if b is not None], dtype=np.float64).reshape(-1, 2)
    broken = [f.now for f in looks if any(c.name == BROKEN or c.key == REFUTED for c in f.calls)]
    errors = np.array([a - b for a, b in pairs.tolist()])
    return EstimateError(
        cohorts=len(pairs),
        correlation=_correlation(pairs),
        mean_absolute_error=float(np.abs(errors).mean()) if len(errors) else None,
        mean_error=float(errors.mean()) if len(errors) else None,
        broken_since=min(broken, default=None),
    )


def _correlation(pairs: FloatArray) -> Estimate:
    """Pearson's, with Fisher's interval; no value for fewer than five cohorts."""
    n = len(pairs)
    if n < 5 or not pairs.std(axis=0).all():
        return Estimate(value=None, n=n)
    r = float(np.asarray(np.corrcoef(pairs.T))[0, 1])
    z, half = np.arctanh(np.clip(r, -CERTAIN, CERTAIN)), 1.959964 / (n - 3) ** 0.5
    return Estimate(value=r, low=float(np.tanh(z - half)), high=float(np.tanh(z + half)), n=n)


def foretold(rows: pl.DataFrame, trained: Mapping[str, date]) -> int:
    """Count the loans that were answered by a model that was trained on their day or later, or nobody knows when.

    Args:
        rows: ``event_time`` and the ``version`` that answered.
        trained: training dates by version.
    """
    as_of = pl.col("version").replace_strict(dict(trained), default=None, return_dtype=pl.Date)
    return len(rows.filter(as_of.is_null() | (pl.col("event_time") <= as_of)))


def promised(
    comparisons: Sequence[Compared],
    moments: Sequence[Moment],
    control: Control,
    errors: EstimateError,
    *,
    whole: bool,
    foretold: int,
) -> dict[str, bool]:
    """Say of everything that a replay has to show whether it did; what there is no data of was not shown.

    Args:
        comparisons: see ``compared``.
        moments: of the replay.
        control: of the still world.
        errors: of the estimates without labels.
        whole: whether each loan was answered once.
        foretold: loans that were answered by a model trained on their day or later.
    """
    better = {c.way: c.better_by for c in comparisons}
    alarms = [m.day for m in moments if m.kind == "alarm" and m.severity == "red"]
    shown = {way: (better[way].low or -1.0) > 0 for way in ("frozen", "yearly", "yearly_early")}
    return {
        f"a red alarm before {ALARM_BY}": bool(alarms) and min(alarms) < ALARM_BY,
        "no alarm in a world that stands still": control.looks > 0 and not control.alarms,
        "better than the frozen model, interval above 0": shown["frozen"],
        "better than yearly retraining, interval above 0": shown["yearly"],
        "better than yearly retraining on early labels, interval above 0": shown["yearly_early"],
        "estimates without labels called broken when the crisis broke them": errors.broken_since is not None,
        "every loan answered once": whole,
        "no loan answered by a model that was trained on its day or later": foretold == 0,
    }


def _after(day: date, months: int) -> date:
    later: date = pl.Series([day]).dt.offset_by(f"{months}mo").item()
    return later
