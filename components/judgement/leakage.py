"""The leakage check: find the columns that know the outcome, without being told which they are."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import roc_auc_score

from components.core.artifacts import write_whole
from components.core.contracts import FloatArray
from components.core.errors import FairleadError, GateFailed
from components.core.use_case import Leakage, UseCase
from components.judgement.leakage_report import Check, Finding, LeakageReport
from components.judgement.text_table import number, text_table
from components.training.shares import wilson

FOLDS = 5
BANDS = 256
"""Quantile bands into which numbers are cut; a frequent number has a band of its own."""
SMOOTHING = 5.0
"""Rows' worth of weight that the overall rate has in the rate of a band or category."""
MINIMUM_OF_OUTCOME = 20
"""Rows of either outcome below which nothing can be said."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def check_leakage(clean: Path, use_case: UseCase, report: Path | None = None) -> LeakageReport:
    """Check the clean table's columns, and stop when one knows the outcome and may still reach the model.

    Args:
        clean: parquet file of validated rows, with outcomes in hindsight.
        use_case: names the outcome and says what is excluded and why.
        report: where to write the report as JSON, before anything is raised.

    Raises:
        GateFailed: a column leaks and is not excluded, or there is too little data to tell.
    """
    found = judge_columns(pl.read_parquet(clean), use_case)
    if report is not None:
        write_whole(report, found.model_dump_json(indent=1).encode())
    require(found)
    return found


def require(report: LeakageReport) -> None:
    """Raise unless the check was done and no column leaks.

    Raises:
        GateFailed: with a table of column, check, value, threshold and the way out.
    """
    if report.verdict == "no_data":
        raise GateFailed(
            f"the leakage check has no data: of {report.sampled} rows looked at, fewer than {MINIMUM_OF_OUTCOME} have "
            "one of the two outcomes; give it a longer history or a larger leakage.sample"
        )
    if report.leaks:
        way_out = "add it to features.exclude with a reason"
        rows = [[f.column, f.check, number(f.value), number(f.threshold), str(f.n), way_out] for f in report.leaks]
        table = text_table(["column", "check", "value", "threshold", "n", "way out"], rows)
        raise GateFailed(f"columns know the outcome and may reach the model:\n{table}")


def judge_columns(frame: pl.DataFrame, use_case: UseCase) -> LeakageReport:
    """Put every column but the row id through every check that fits its type.

    The label's columns are judged like any other, so that the check can be seen to work; they are excluded by
    definition, unless the use case also names them as an input. No check is told which columns are suspects.

    - ``order``: AUC of the value itself, or of the days from the event to a date, either way round.
    - ``pattern``: AUC of the outcome's rate among rows of a like value, estimated on other rows (5 shuffled folds), so
      that a relation which goes up and down is seen and an identifier that never repeats is not.
    - ``missing``: AUC of whether there is a value.
    - ``future``: share of the dates that lie after the event.
    - ``one_outcome``: how nearly a value (other than zero) is there, or is not, for one outcome alone.

    Raises:
        FairleadError: the table lacks the outcome or the event time, or an outcome is neither 0 nor 1.
    """
    frame, rows = _sample(frame, use_case), frame.height
    labels = frame[use_case.labels.outcome].cast(pl.Float64).to_numpy()
    if not np.isin(labels, (0.0, 1.0)).all():
        found = sorted(set(labels.tolist()) - {0.0, 1.0})[:5]
        raise FairleadError(f"outcome {use_case.labels.outcome!r} has the values {found}; allowed: 0, 1")
    if _too_few(labels):
        return LeakageReport(rows=rows, sampled=frame.height, findings=())
    folds = np.random.default_rng(use_case.training.seed).permutation(len(labels)) % FOLDS
    findings = [
        _finding(name, check, value, n, use_case)
        for name in frame.columns
        if name != use_case.data.row_id
        for check, value, n in _checks(frame[name], frame[use_case.data.event_time], labels, folds)
    ]
    return LeakageReport(rows=rows, sampled=frame.height, findings=tuple(findings))


def _sample(frame: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    for name in (use_case.labels.outcome, use_case.data.event_time):
        if name not in frame.columns:
            raise FairleadError(f"the leakage check needs column {name!r}; the table has: {', '.join(frame.columns)}")
    known = frame.filter(pl.col(use_case.labels.outcome).is_not_null())
    return known.sample(min(known.height, use_case.leakage.sample), seed=use_case.training.seed)


def _finding(column: str, check: Check, value: float | None, n: int, use_case: UseCase) -> Finding:
    threshold = _threshold(check, use_case.leakage)
    reason = _exclusion(column, use_case)
    leaks = value is not None and value > threshold
    return Finding(
        column=column,
        check=check,
        value=value,
        threshold=threshold,
        n=n,
        leaks=leaks,
        excluded=bool(reason),
        reason=reason,
    )


def _threshold(check: Check, limits: Leakage) -> float:
    if check == "future":
        return limits.maximum_future_share
    return limits.maximum_purity if check == "one_outcome" else limits.maximum_auc


def _exclusion(column: str, use_case: UseCase) -> str:
    """Return why the model cannot see a column; empty when it can, or when nobody said."""
    if column in use_case.features.inputs or column in {e.column for e in use_case.features.entities}:
        return ""
    if column == use_case.labels.outcome:
        return "by definition: the outcome"
    if column == use_case.labels.outcome_time:
        return "by definition: the outcome's time"
    return next((e.reason for e in use_case.features.exclude if e.column == column), "")


def _checks(
    series: pl.Series, event_time: pl.Series, labels: FloatArray, folds: Codes
) -> list[tuple[Check, float | None, int]]:
    """Return (check, value, rows that it rests on) for every check that fits the column's type."""
    series = series.fill_nan(None) if series.dtype.is_float() else series
    filled = series.is_not_null().to_numpy()
    present = filled
    results: list[tuple[Check, float | None, int]] = []
    codes = [_category_codes(series)]
    if series.dtype.is_temporal():
        days = _days(series)
        since = days - _days(event_time)
        numbers = [days] if series.name == event_time.name else [days, since]
        results.append(("future", float((since[filled] > 0).mean()) if filled.any() else None, int(filled.sum())))
    elif series.dtype.is_numeric() or series.dtype == pl.Boolean:
        numbers = [series.cast(pl.Float64).fill_null(np.nan).to_numpy()]
        present = filled & (np.nan_to_num(numbers[0]) != 0)
    else:
        numbers = []
    if numbers:
        results.append(("order", _largest(_either_way(labels, v) for v in numbers), int(filled.sum())))
        codes += [_band_codes(v) for v in numbers]
    pattern = max(float(roc_auc_score(labels, _rates_out_of_fold(c, labels, folds))) for c in codes)
    results.append(("pattern", pattern, len(labels)))
    if not filled.all():
        results.append(("missing", _either_way(labels, filled.astype(np.float64)), len(labels)))
    if not present.all():
        results.append(("one_outcome", purity(present, labels), len(labels)))
    return results


def _days(series: pl.Series) -> FloatArray:
    return series.cast(pl.Date).to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()


def _category_codes(series: pl.Series) -> Codes:
    """Give equal values equal numbers from 0; missing is a value."""
    ranks = series.cast(pl.String).rank("dense").fill_null(0)
    return ranks.to_numpy().astype(np.int64)


def _band_codes(values: FloatArray) -> Codes:
    """Number the quantile band of each value; missing is a band of its own."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def _rates_out_of_fold(codes: Codes, labels: FloatArray, folds: Codes) -> FloatArray:
    """Estimate each row's outcome as the smoothed rate of its code among the rows of the other folds.

    A code that only one fold has gets the overall rate, the same in every fold, and so says nothing.
    """
    size = int(codes.max()) + 1
    overall = labels.mean()
    rates = np.empty(len(labels))
    for fold in range(FOLDS):
        inside = folds == fold
        count = np.bincount(codes[~inside], minlength=size)
        bad = np.bincount(codes[~inside], weights=labels[~inside], minlength=size)
        rates[inside] = ((bad + SMOOTHING * overall) / (count + SMOOTHING))[codes[inside]]
    return rates


def _too_few(labels: FloatArray) -> bool:
    return bool(min(labels.sum(), len(labels) - labels.sum()) < MINIMUM_OF_OUTCOME)


def _either_way(labels: FloatArray, score: FloatArray) -> float | None:
    """Return the AUC of the score or of its opposite, whichever is larger; None with too few rows of an outcome."""
    known = ~np.isnan(score)
    if _too_few(labels[known]):
        return None
    area = float(roc_auc_score(labels[known], score[known]))
    return max(area, 1 - area)


def _largest(values: Iterable[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)


def purity(present: Mask, labels: FloatArray) -> float:
    """Say how nearly a value is there, or is not there, for one outcome alone: 0.5 not at all, 1 altogether.

    Both outcomes weigh alike, whatever their number. The share is a cautious one: it takes the low end of the Wilson
    interval for the outcome that has the value more often and the high end for the other, so that a handful of rows
    proves nothing (E. B. Wilson, Journal of the American Statistical Association 22, 1927).

    >>> labels = np.repeat([0.0, 1.0], 1000)
    >>> round(purity(labels == 1, labels), 1), round(purity(np.arange(2000) % 2 == 0, labels), 1)
    (1.0, 0.5)
    """
    shares = []
    for side in (present, ~present):
        (low0, high0), (low1, high1) = (wilson(side[labels == k].sum(), (labels == k).sum()) for k in (0, 1))
        shares += [low0 / (low0 + high1), low1 / (low1 + high0)]
    return max(shares)
