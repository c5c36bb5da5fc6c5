"""Performance of a model by cohorts of the event time, by three ways of knowing it.

- ``realised``: on mature rows whose label has arrived, where enough of them have it. Those that became mature so lately
  that good outcomes have not come yet are left out: only the bad ones among them would count.
- ``early``: on cohorts whose time still runs, by the bad outcomes known so far, each standing for those that are not
  known yet (``components.training.development``). It takes it that outcomes come in as fast as those of older rows did;
  how far cohorts have parted from that is in the intervals. Where riskier rows turn bad sooner, as loans do, it
  flatters the order (``auc``) of young cohorts: the bad ones that are easy to tell are known first.
- ``estimated``: from the probabilities alone (``components.monitoring.estimated``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Estimate, FloatArray
from components.core.errors import ContractViolation
from components.core.use_case import UseCase
from components.monitoring.estimated import estimated
from components.monitoring.label_report import by_cohort, known_until, settled_until
from components.monitoring.measured import measured
from components.monitoring.values import Performance, Window
from components.training.bootstrap import MINIMUM_ROWS
from components.training.development import MINIMUM_MATURE_BAD, MOST_BAD, Development, developed, learn
from components.training.shares import wilson

MINIMUM_OF_CLASS = 5
"""Fewer bad rows, or fewer good ones, decide a metric by chance, and no interval knows it."""

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

NEEDED = ("event_time", "version", "probability", "outcome", "outcome_time", "known_on", "matures", "mature", "label")


@dataclass(frozen=True)
class _Seen:
    """The watched rows by column, and how outcomes come in."""

    p: FloatArray
    label: FloatArray
    """NaN where none is known."""
    mature: Mask
    running: Mask
    """Not mature on the last day of which good and bad outcomes are known."""
    bad: FloatArray
    """How many bad rows each stands for by what is known so far; NaN where too little is known of its like."""
    share: FloatArray
    """Share of its like's bad outcomes that is known on that day, and on the day of the look."""
    developed: FloatArray
    grown: Development


def performance(
    frame: pl.DataFrame,
    use_case: UseCase,
    now: date,
    *,
    history: pl.DataFrame | None = None,
    since: date | None = None,
) -> tuple[Performance, ...]:
    """Tell how each cohort fared, whole and by the values of ``training.segments``.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        use_case: says how long a cohort is, which metrics, how many labels have to be there, and the segments.
        now: as of which ``frame`` is.
        history: ``event_time``, ``outcome_time`` and ``outcome`` of rows older than the log, from which is learned how
            outcomes come in; known up to the newest day in it.
        since: cohorts that ended before are left out.

    Returns:
        Cohorts from old to new; of each first the whole, then the groups with 50 rows or more. Metrics are missing
        where there is too little to tell them, and ``reason`` says what is; ``no_data`` where no label tells the loss.

    Raises:
        ContractViolation: a column is missing.
    """
    missing = [c for c in (*NEEDED, *use_case.training.segments) if c not in frame.columns]
    if missing:
        raise ContractViolation(
            f"watched rows lack {', '.join(missing)}; found: {', '.join(frame.columns)}. Make them with Joined, and "
            "segments of training.segments need to be in features.inputs"
        )
    # Every metric sorts by probability, which is quick where it is sorted already.
    frame = frame.sort("probability", descending=True)
    seen = _read(frame, use_case, now, history)
    keys = [_segment(frame, use_case, c) for c in use_case.training.segments]
    return tuple(
        _performance(seen, use_case, window, group, version, rows)
        for window, version, cohort in _cohorts(frame, use_case, now, since)
        for group, rows in _groups(keys, cohort)
    )


def _read(frame: pl.DataFrame, use_case: UseCase, now: date, history: pl.DataFrame | None) -> _Seen:
    until = known_until(frame, now)
    grown = _grown(frame, until, use_case, now, history)
    # As it was on the last day of which outcomes are known: then what is known is what an age says.
    then = frame.with_columns(mature=pl.col("matures") <= min(until, settled_until(frame, now)))
    running = ~then["mature"].to_numpy()
    share, label = developed(then, until, grown).to_numpy(), frame["label"].to_numpy().astype(np.float64)
    enough = share >= use_case.labels.minimum_developed
    stands_for = np.where(label == 1, 1 / np.where(enough, share, 1.0), 0.0)
    return _Seen(
        p=frame["probability"].to_numpy().astype(np.float64),
        label=label,
        mature=frame["mature"].to_numpy().astype(bool),
        running=running,
        bad=np.where(running, np.where(enough, stands_for, np.nan), label),
        share=share,
        developed=developed(frame, now, grown).to_numpy(),
        grown=grown,
    )


def _grown(frame: pl.DataFrame, until: date, use_case: UseCase, now: date, history: pl.DataFrame | None) -> Development:
    tables = [(frame, until)]
    if history is not None and len(history):
        newest = history.select(pl.max_horizontal(pl.col("event_time", "outcome_time").cast(pl.Date).max())).item()
        tables.append((history, min(newest, now)))
    return learn(tables, use_case.labels.maturity_months)


def _cohorts(
    frame: pl.DataFrame, use_case: UseCase, now: date, since: date | None
) -> Iterator[tuple[Window, str, Rows]]:
    groups = by_cohort(frame.with_row_index("place"), use_case.monitoring.cohort_months, now)
    found = groups.agg("place", pl.col("version").unique()).sort("first")
    for first, last, places, versions in found.iter_rows():
        if since is None or last >= since:
            window = Window(first=first, last=last, rows=len(places))
            yield window, versions[0] if len(versions) == 1 else "all", np.array(places, dtype=np.intp)


def _segment(frame: pl.DataFrame, use_case: UseCase, column: str) -> tuple[list[str], Rows]:
    """Return the names of a column's groups in order, as ``evaluate`` writes them, and which one each row is in."""
    series = frame[column]
    if use_case.data.columns[column].kind == "int" and series.dtype.is_float():
        series = series.cast(pl.Int64)
    text = series.cast(pl.String).fill_null("missing")
    names = text.unique().sort().to_list()
    return [f"{column}={name}" for name in names], text.replace_strict(names, range(len(names))).to_numpy()


def _groups(keys: Sequence[tuple[list[str], Rows]], cohort: Rows) -> Iterator[tuple[str, Rows]]:
    yield "all", cohort
    for names, places in keys:
        mine = places[cohort]
        for i in np.flatnonzero(np.bincount(mine, minlength=len(names)) >= MINIMUM_ROWS):
            yield names[i], cohort[mine == i]


def _performance(seen: _Seen, use_case: UseCase, window: Window, group: str, version: str, rows: Rows) -> Performance:
    watching = use_case.monitoring
    metrics = tuple(dict.fromkeys((*watching.metrics, watching.loss)))
    mature = rows[seen.mature[rows]]
    labelled = mature[~np.isnan(seen.label[mature])]
    settled = labelled[~seen.running[labelled]]
    why_not = _not_covered(len(labelled), len(mature), watching.minimum_coverage) or _too_few(seen.label[settled])
    realised = {} if why_not else measured(seen.p[settled], seen.label[settled], metrics)
    early, early_rate, why_not_early = _early(seen, use_case, rows, metrics)
    rate = Estimate(value=None, n=len(rows)) if early_rate is None else early_rate
    if realised and (len(mature) == len(rows) or early_rate is None):
        rate = _rate(seen.label[settled])
    return Performance(
        cohort=window.model_copy(update={"rows": len(rows)}),
        group=group,
        version=version,
        mature=len(mature),
        labelled=len(labelled),
        known_bad=int((seen.label[rows] == 1).sum()),
        developed=float(seen.developed[rows].mean()),
        realised=realised,
        early=early,
        estimated=estimated(seen.p[rows], metrics),
        bad_rate=rate,
        severity="green" if realised or early else "no_data",
        reason="; ".join(filter(None, (why_not, why_not_early))),
    )


def _early(
    seen: _Seen, use_case: UseCase, rows: Rows, metrics: Sequence[str]
) -> tuple[Mapping[str, Estimate], Estimate | None, str]:
    """Tell what is known so far of a cohort whose time runs; or say why it cannot be told."""
    running = rows[seen.running[rows]]
    if not len(running):
        return {}, None, ""
    if not seen.grown.told:
        return {}, None, (
            f"how outcomes come in cannot be told: {seen.grown.outcomes} bad outcomes are known, fewer than "
            f"{MINIMUM_MATURE_BAD} of them of mature rows; hand in older rows as history"
        )  # fmt: skip
    told = running[~np.isnan(seen.bad[running])]
    if not len(told):
        most, needed = seen.share[running].max(), use_case.labels.minimum_developed
        return {}, None, f"{most:.0%} developed, {needed:.0%} needed"
    ended = rows[~seen.running[rows]]
    known = ended[~np.isnan(seen.label[ended])]
    if len(known) < use_case.monitoring.minimum_coverage * len(ended):
        return {}, None, "too few labels of its mature rows have arrived to tell it early"
    bad = seen.bad[told]
    bad = bad * min(1.0, MOST_BAD * len(told) / max(bad.sum(), 1.0))
    used, bad = np.concatenate([known, told]), np.concatenate([seen.label[known], bad])
    if lacking := _too_few(bad):
        return {}, None, f"early: {lacking}"
    return measured(seen.p[used], bad, metrics, seen.grown.spread), _rate(bad, seen.grown.spread), ""


def _not_covered(labelled: int, mature: int, minimum: float) -> str:
    if not mature:
        return "no row is mature"
    if not labelled:
        return f"no labels have arrived: 0 of {mature:,} mature rows"
    if labelled < minimum * mature:
        share = labelled / mature
        return f"labels of {labelled:,} of {mature:,} mature rows have arrived ({share:.0%}), {minimum:.0%} needed"
    return ""


def _too_few(bad: FloatArray) -> str:
    n, bads = len(bad), int((bad > 0).sum())
    if n < MINIMUM_ROWS:
        return f"{n} rows with a label, {MINIMUM_ROWS} needed"
    if min(bads, n - bads) < MINIMUM_OF_CLASS:
        return f"{bads} bad and {n - bads} good of {n:,} rows with a label, {MINIMUM_OF_CLASS} needed of each"
    return ""


def _rate(bad: FloatArray, spread: float = 0.0) -> Estimate:
    """Share of bad rows; where known ones stand for others, with as many rows as would make it as unsure (Kish)."""
    share, n = float(bad.mean()), len(bad)
    common = spread * float((bad * np.sqrt(np.maximum(0.0, bad - 1))).mean())
    effective = min(float(n), share * (1 - share) / (float(bad.var()) / n + common**2))
    low, high = wilson(share * effective, effective)
    return Estimate(value=share, low=low, high=high, n=n)
