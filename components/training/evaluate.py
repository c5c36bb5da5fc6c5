"""Evaluation: every metric with its interval, overall, by year and by segment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from components.core.contracts import SliceMetrics
from components.core.errors import ContractViolation
from components.core.use_case import UseCase
from components.training.bootstrap import estimate
from components.training.dataset import read_scored, weights_of
from components.training.splits import BACKTEST, TEST

AllMetrics = TypeAdapter(list[SliceMetrics])
"""Reads and writes the metrics of all slices as JSON."""


def evaluate(dataset: Path, predictions: Path, use_case: UseCase, threshold: float) -> list[SliceMetrics]:
    """Measure a candidate on the test split and, apart from it, on the backtest.

    Slices: ``all``, ``year=…`` of the event time, and ``COLUMN=…`` for every value of the columns in
    ``training.segments`` (``COLUMN=missing`` where there is none). A slice with fewer than 50 rows or with one class
    has estimates without a value.

    Args:
        dataset: what ``label_rows`` wrote.
        predictions: what ``predict`` wrote for it.
        use_case: segments, costs, rounds and seed.
        threshold: the candidate's.

    Raises:
        IntegrityError: a row of the data set has no prediction.
        ContractViolation: the data set lacks a segment's column.
    """
    return [
        _measure(frame, use_case, threshold, split, name)
        for split in (TEST, BACKTEST)
        for name, frame in _slices(read_scored(dataset, predictions, split), use_case)
    ]


def headline(metrics: Sequence[SliceMetrics]) -> dict[str, float]:
    """Return the values on the whole test split by metric, without those there was too little data for."""
    whole = next((m for m in metrics if (m.dataset, m.slice) == (TEST, "all")), None)
    return {} if whole is None else {name: e.value for name, e in whole.metrics.items() if e.value is not None}


def _slices(frame: pl.DataFrame, use_case: UseCase) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "all", frame
    missing = [c for c in use_case.training.segments if c not in frame.columns]
    if missing:
        raise ContractViolation(
            f"training.segments names {', '.join(missing)}, which the data set lacks; add it to features.inputs"
        )
    keys = {"year": pl.col("event_time").dt.year().cast(pl.String)}
    keys |= {c: pl.col(c).cast(pl.String).fill_null("missing") for c in use_case.training.segments}
    for name, key in keys.items():
        parts = frame.with_columns(_slice=key).partition_by("_slice", as_dict=True)
        yield from ((f"{name}={value[0]}", parts[value]) for value in sorted(parts))


def _measure(frame: pl.DataFrame, use_case: UseCase, threshold: float, split: str, name: str) -> SliceMetrics:
    p = frame["probability"].to_numpy().astype(np.float64)
    labels = frame["label"].to_numpy().astype(np.float64)
    metrics = estimate(p, labels, use_case.training, threshold, f"{split}/{name}", weights_of(frame))
    return SliceMetrics(dataset=split, slice=name, metrics=dict(metrics))
