"""The raw table in the form TFDV computes statistics on, and those statistics in short."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.core.errors import FairleadError
from components.core.use_case import Column, Data
from components.data.schema_report import ColumnStatistics, Type

EPOCH = date(1970, 1, 1)
"""Dates are whole days since this one, for TFDV knows no dates."""

TOP_VALUES = 5


def read_table(raw: Path, data: Data) -> pd.DataFrame:
    """Read the raw table column by column in the type that the use case gives it.

    A column is of that type when no more than ``quarantine_limit`` of its values fail to read as it: those few are
    taken as missing here, for the row checks find each of them. Beyond that the column keeps the type it came in,
    which the schema then reports. Codes that came as numbers (1.0) are read as the code's text (``"1"``). Columns of
    ``data.drop`` are left out; columns that the use case does not know stay as they are.

    Raises:
        FairleadError: the file is missing or no parquet.
    """
    try:
        arrow = pq.read_table(raw)
    except (OSError, pa.ArrowInvalid) as error:
        raise FairleadError(f"cannot read {raw} as parquet: {error}") from error
    names = [name for name in arrow.column_names if name not in data.drop]
    series = {name: _read_column(arrow[name], data.columns.get(name), data.quarantine_limit) for name in names}
    return pd.DataFrame(series, index=range(arrow.num_rows))


def compute(frame: pd.DataFrame) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Compute TFDV's statistics in this process."""
    options = tfdv.StatsOptions(num_top_values=TOP_VALUES)
    # TFDV takes an index that is not 0 … n-1 for a column.
    return tfdv.generate_statistics_from_dataframe(frame.reset_index(drop=True), options, n_jobs=1)


def describe(statistics: statistics_pb2.DatasetFeatureStatisticsList, data: Data) -> tuple[ColumnStatistics, ...]:
    """Put TFDV's statistics of each column into a few figures."""
    rows = statistics.datasets[0].num_examples
    return tuple(_describe(f, rows, data.columns.get(f.path.step[0])) for f in statistics.datasets[0].features)


def _describe(feature: Any, rows: int, column: Column | None) -> ColumnStatistics:
    name = feature.path.step[0]
    if feature.HasField("string_stats"):
        text = feature.string_stats
        top = tuple((v.value, round(v.frequency)) for v in text.top_values[:TOP_VALUES])
        missing = _missing(text.common_stats, rows)
        return ColumnStatistics(column=name, type="string", missing=missing, distinct=text.unique, top=top)
    number = feature.num_stats
    missing = _missing(number.common_stats, rows)
    kind: Type = "int" if feature.type == statistics_pb2.FeatureNameStatistics.INT else "float"
    if kind == "int" and column is not None and column.kind == "date":
        kind = "date"
    if missing == 1:
        return ColumnStatistics(column=name, type=kind, missing=missing)
    shown = _iso if kind == "date" else float
    return ColumnStatistics(
        column=name,
        type=kind,
        missing=missing,
        minimum=shown(number.min),
        median=shown(number.median),
        maximum=shown(number.max),
        mean=None if kind == "date" else number.mean,
    )


def _missing(common: Any, rows: int) -> float:
    return 1.0 - common.num_non_missing / rows if rows else 0.0


def in_days(day: date) -> int:
    """Return the number that stands for a date in the table.

    >>> in_days(date(1970, 2, 1))
    31
    """
    return (day - EPOCH).days


def _iso(days: float) -> str:
    return (EPOCH + timedelta(days=round(days))).isoformat()


def _read_column(values: pa.ChunkedArray, column: Column | None, limit: float) -> pd.Series:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    given = values.to_pandas(types_mapper=_whole_numbers)
    if given.dtype == object:  # blank text is no value
        given = given.where(given.astype("string").str.strip() != "", None)
    if column is None:
        read = given
    elif column.kind == "date":
        read = _to_days(given)
    elif column.kind == "category":
        read = _to_codes(given) if column.values else given
    else:
        read = _to_numbers(given, whole=column.kind == "int")
    lost = int(given.notna().sum() - read.notna().sum())
    if lost > limit * max(1, int(given.notna().sum())):
        read = given
    if read.dtype.kind == "M":  # TFDV leaves timestamps out in silence; where no dates belong they go in as text
        read = read.dt.strftime("%Y-%m-%d")
    return read.where(read.notna(), None) if read.dtype == object else read


def _whole_numbers(kind: pa.DataType) -> Any:
    """Keep integers with gaps integers: pandas would make them floats."""
    return pd.Int64Dtype() if pa.types.is_integer(kind) else None


def _to_days(given: pd.Series) -> pd.Series:
    if given.dtype == object:  # dates as Python objects, or as text
        given = pd.to_datetime(given.astype("string").str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
    if given.dtype.kind != "M":  # a number could be days, seconds or 20031231: it must not pass for days
        return given.astype("string").astype(object)
    return ((given.dt.tz_localize(None) - pd.Timestamp(EPOCH)) // pd.Timedelta(days=1)).astype("Int64")


def _to_codes(given: pd.Series) -> pd.Series:
    if given.dtype == object:
        return given.str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    if given.dtype.kind not in "if":
        return given
    return _to_numbers(given, whole=True).astype("string").astype(object)


def _to_numbers(given: pd.Series, *, whole: bool) -> pd.Series:
    if given.dtype.kind == "M":
        return given
    numbers = pd.to_numeric(given, errors="coerce").astype("Float64")
    numbers = numbers.where(np.isfinite(numbers.to_numpy(dtype=float, na_value=np.nan)))
    if not whole:
        return numbers.astype(float)
    return numbers.where((numbers % 1 == 0).fillna(value=False)).astype("Int64")
