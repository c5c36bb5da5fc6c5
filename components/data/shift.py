"""Training/serving skew and drift: how far columns moved between groups of rows, by TFDV's comparators.

Categories are compared by L-infinity, the largest difference in one value's share. Numbers are compared by
Jensen-Shannon divergence over bins that hold equal shares of the baseline: TFDV's own bins for numbers are of equal
width between the smallest and the largest value, so a single outlier there moves every bin and looks like drift.
"""

import calendar
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.core.use_case import UseCase
from components.data.schema_report import Measure, Shift
from components.data.statistics import EPOCH, compute, in_days

BINS = 10
"""Numbers fall into so many bins with equal shares of the baseline, fewer where many rows share a value."""

MINIMUM_ROWS = 500
"""Smaller groups are not compared: sampling noise alone would come near the thresholds."""

What = Literal["skew", "drift"]

_MEASURES: dict[int, Measure] = {
    anomalies_pb2.DriftSkewInfo.Measurement.L_INFTY: "l_infinity",
    anomalies_pb2.DriftSkewInfo.Measurement.JENSEN_SHANNON_DIVERGENCE: "jensen_shannon",
}


def skew(frame: pd.DataFrame, schema: schema_pb2.Schema, use_case: UseCase, as_of: date) -> tuple[Shift, ...]:
    """Compare the rows whose label is mature at ``as_of``, which can train, with the rows after it, which are served.

    Returns:
        One shift for each column with a ``skew_comparator``; none where the event time cannot be read.
    """
    days = event_days(frame, use_case)
    if days is None:
        return ()
    mature = _months_before(as_of, use_case.labels.maturity_months)
    training = frame[(days <= in_days(mature)).to_numpy(dtype=bool, na_value=False)]
    serving = frame[(days > in_days(as_of)).to_numpy(dtype=bool, na_value=False)]
    return _compare(training, serving, (f"up to {mature}", f"after {as_of}"), schema, "skew")


def drift(frame: pd.DataFrame, schema: schema_pb2.Schema, use_case: UseCase) -> tuple[Shift, ...]:
    """Compare each calendar year with the one before, or two halves where the rows span fewer than three years.

    Returns:
        One shift for each pair of periods and column with a ``drift_comparator``; none where the event time cannot be
        read.
    """
    periods = list(_periods(frame, use_case))
    return tuple(
        shift
        for (before, old), (after, new) in pairwise(periods)
        for shift in _compare(old, new, (before, after), schema, "drift")
    )


def event_days(frame: pd.DataFrame, use_case: UseCase) -> "pd.Series[Any] | None":
    """Return the event times in days, or None when there is no such column or it holds something else."""
    name = use_case.data.event_time
    return frame[name] if name in frame.columns and frame[name].dtype.kind == "i" else None


def _periods(frame: pd.DataFrame, use_case: UseCase) -> Iterator[tuple[str, pd.DataFrame]]:
    days = event_days(frame, use_case)
    if days is None or not days.notna().any():
        return
    years = (pd.Timestamp(EPOCH) + pd.to_timedelta(days, unit="D")).dt.year
    if years.nunique() > 2:
        yield from ((str(int(year)), rows) for year, rows in frame.groupby(years.to_numpy()))
        return
    later = (days > days.median()).to_numpy(dtype=bool, na_value=False)
    yield "earlier half", frame[~later]
    yield "later half", frame[later]


def _compare(
    baseline: pd.DataFrame, compared: pd.DataFrame, names: tuple[str, str], schema: schema_pb2.Schema, what: What
) -> tuple[Shift, ...]:
    features = [f for f in schema.feature if f.HasField(f"{what}_comparator")]
    present = [f for f in features if f.name in baseline.columns]
    enough = min(len(baseline), len(compared)) >= MINIMUM_ROWS
    measured = _measure(baseline, compared, present, what) if enough and present else {}
    shifts = []
    for feature in features:
        measure, threshold = _threshold(getattr(feature, f"{what}_comparator"))
        value = measured.get((feature.name, measure))
        shifts.append(
            Shift(
                column=feature.name,
                measure=measure,
                baseline=names[0],
                compared=names[1],
                baseline_rows=len(baseline),
                compared_rows=len(compared),
                value=value,
                threshold=threshold,
                exceeded=value is not None and value > threshold,
            )
        )
    return tuple(shifts)


def _threshold(comparator: Any) -> tuple[Measure, float]:
    if comparator.HasField("infinity_norm"):
        return "l_infinity", comparator.infinity_norm.threshold
    return "jensen_shannon", comparator.jensen_shannon_divergence.threshold


def _measure(
    baseline: pd.DataFrame, compared: pd.DataFrame, features: list[Any], what: What
) -> dict[tuple[str, Measure], float]:
    old, new = {}, {}
    schema = schema_pb2.Schema()
    for f in features:
        old[f.name], new[f.name] = _as_text(baseline[f.name], compared[f.name])
        # Only the comparators count here; structure has been looked at with the whole schema.
        feature = schema.feature.add(name=f.name, type=schema_pb2.BYTES)
        getattr(feature, f"{what}_comparator").CopyFrom(getattr(f, f"{what}_comparator"))
    before, after = compute(pd.DataFrame(old)), compute(pd.DataFrame(new))
    found = (
        tfdv.validate_statistics(before, schema, serving_statistics=after)
        if what == "skew"
        else tfdv.validate_statistics(after, schema, previous_statistics=before)
    )
    return {
        (info.path.step[0], _MEASURES[m.type]): float(m.value)
        for info in found.drift_skew_info
        for m in getattr(info, f"{what}_measurements")
    }


def _as_text(baseline: "pd.Series[Any]", compared: "pd.Series[Any]") -> tuple["pd.Series[Any]", "pd.Series[Any]"]:
    """Put numbers into bins of the baseline's quantiles; text stays as it is."""
    if baseline.dtype.kind not in "if" or compared.dtype.kind not in "if" or not baseline.notna().any():
        return baseline.astype(object), compared.astype(object)
    edges = np.unique(np.quantile(baseline.dropna().to_numpy(dtype=float), np.linspace(0, 1, BINS + 1)[1:-1]))

    def bins(values: "pd.Series[Any]") -> "pd.Series[Any]":
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        names = np.char.add("bin ", np.searchsorted(edges, numbers, side="left").astype(str)).astype(object)
        names[np.isnan(numbers)] = None
        return pd.Series(names, index=values.index)

    return bins(baseline), bins(compared)


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
