"""Other ways to keep a model: never trained anew, by the calendar, and by an oracle that knows the labels."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.artifacts import whole_file
from components.core.contracts import Columns, FloatArray
from components.core.retrained import retrained
from components.core.use_case import UseCase
from components.core.watching import Window
from components.features.rows import from_frame, request_fields
from components.training.bundle import Bundle
from components.training.candidate import Candidate
from components.training.labels import label_rows
from components.training.train import train
from components.training.tune import best, search
from pipelines.replay.values import Way

Days = npt.NDArray[np.datetime64]

ORACLE_TEST_SHARE = 0.02
"""Nobody judges the oracle: its newest rows may teach it."""


@dataclass(frozen=True)
class Search:
    """How long hyperparameters are looked for; the same for every way.

    Args:
        algorithm: that is trained.
        trials: of the search.
        seed: of the search.
    """

    algorithm: str = "xgboost"
    trials: int = 2
    seed: int = 1


def other_ways(
    features: Path, use_case: UseCase, champion: Path, first: date, last: date, target: Path, looked: Search
) -> None:
    """Score every row of the replay by every other way, each with models that existed when the row came.

    Args:
        features: table with histories, all years.
        use_case: whose labels and training; ``yearly_early`` and the oracle learn from the first of its retraining's
            windows.
        champion: bundle of the first model.
        first: day of the first row.
        last: day of the last row.
        target: parquet with ``row_id`` and a column for each way.
        looked: the search.
    """
    table = pl.read_parquet(features)
    rows = table.filter(pl.col("event_time").cast(pl.Date).is_between(first, last)).sort("event_time", "row_id")
    years = [date(y, 12, 31) for y in range(first.year - 1, last.year)]
    naive = _labelled(use_case, "exclude", Window())
    early = retrained(use_case, use_case.retraining.windows[0])
    columns = from_frame(rows, request_fields(use_case))
    days = rows["event_time"].cast(pl.Date).to_numpy().astype("datetime64[D]")
    found: dict[Way, FloatArray] = {
        "frozen": Bundle.open(champion).probability(columns),
        "yearly": _by_calendar(columns, days, years, lambda day: _train(features, naive, day, looked)),
        "yearly_early": _by_calendar(columns, days, years, lambda day: _train(features, early, day, looked)),
        "oracle": _by_calendar(columns, days, years, lambda day: _all_knowing(table, use_case, day, looked)),
    }
    names = rows.select(pl.col("row_id").cast(pl.String))
    scores = [pl.Series(way, p, dtype=pl.Float64) for way, p in found.items()]
    with whole_file(target) as scratch:
        names.with_columns(scores).write_parquet(scratch)


def _by_calendar(
    columns: Columns, events: Days, days: Sequence[date], model: Callable[[date], Candidate]
) -> FloatArray:
    """Score each row by the newest model of a day before it."""
    scores = np.full(len(events), np.nan)
    for i, day in enumerate(days):
        until = days[i + 1] if i + 1 < len(days) else date.max
        place = (events > np.datetime64(day)) & (events <= np.datetime64(until))
        if place.any():
            scores[place] = model(day).probability({name: values[place] for name, values in columns.items()})
    return scores


def _train(features: Path, use_case: UseCase, as_of: date, looked: Search) -> Candidate:
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / "dataset.parquet"
        label_rows(features, use_case, as_of, dataset)
        trials = search(dataset, use_case, looked.algorithm, looked.trials, looked.seed)
        return train(dataset, use_case, best(trials))


def _all_knowing(table: pl.DataFrame, use_case: UseCase, day: date, looked: Search) -> Candidate:
    """Train on the rows up to a day as they will be known when all of them are mature."""
    months = use_case.labels.maturity_months
    window = use_case.retraining.windows[0]
    longer = window if window.months is None else Window(policy=window.policy, months=window.months + months)
    case = _labelled(use_case, "weigh", longer, test_share=ORACLE_TEST_SHARE)
    with tempfile.TemporaryDirectory() as folder:
        past = Path(folder) / "features.parquet"
        table.filter(pl.col("event_time").cast(pl.Date) <= day).write_parquet(past)
        later: date = pl.Series([day]).dt.offset_by(f"{months}mo").item()
        return _train(past, case, later, looked)


def _labelled(
    use_case: UseCase, immature: Literal["exclude", "weigh"], window: Window, test_share: float | None = None
) -> UseCase:
    training: dict[str, object] = {"window": window}
    if test_share is not None:
        training["test_share"] = test_share
    return use_case.model_copy(
        update={
            "labels": use_case.labels.model_copy(update={"immature": immature}),
            "training": use_case.training.model_copy(update=training),
        }
    )
