"""Reading the labelled data set: rows by column and labels, one split at a time."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError, IntegrityError, unknown
from components.core.use_case import UseCase
from components.features.rows import from_frame, request_fields
from components.training.splits import CALIBRATION, TRAIN


@dataclass(frozen=True)
class Rows:
    """n labelled rows in order of event time.

    Args:
        columns: what a request carries, by column.
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (n,), how many rows each stands for.
        days: event dates, shape (n,), datetime64[D].
        protected: shape (n,), the column that ``training.mitigation`` names, whether requests carry it or not; None
            without mitigation.
    """

    columns: Columns
    labels: FloatArray
    weights: FloatArray
    days: "np.ndarray[tuple[int], np.dtype[np.datetime64]]"
    protected: "npt.NDArray[Any] | None" = None

    def take(self, mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "Rows":
        """Keep the rows where ``mask``, shape (n,), is true."""
        columns = {k: v[mask] for k, v in self.columns.items()}
        protected = None if self.protected is None else self.protected[mask]
        return Rows(columns, self.labels[mask], self.weights[mask], self.days[mask], protected)


def read(dataset: Path, use_case: UseCase, split: str) -> Rows:
    """Read one split of the data set that ``label_rows`` wrote.

    Raises:
        FairleadError: the split has no rows, or lacks the column that ``training.mitigation`` names.
        ContractViolation: a column that a request carries is missing.
    """
    frame = pl.read_parquet(dataset).filter(pl.col("split") == split)
    if frame.is_empty():
        raise FairleadError(f"{dataset.name} has no rows in split {split!r}; write it anew with label_rows")
    return Rows(
        columns=from_frame(frame, request_fields(use_case)),
        labels=frame["label"].to_numpy().astype(np.float64),
        weights=weights_of(frame),
        days=frame["event_time"].cast(pl.Date).to_numpy().astype("datetime64[D]"),
        protected=_protected(frame, use_case),
    )


def _protected(frame: pl.DataFrame, use_case: UseCase) -> "npt.NDArray[Any] | None":
    mitigation = use_case.training.mitigation
    if mitigation is None:
        return None
    if mitigation.attribute not in frame.columns:
        raise unknown(
            "column of training.mitigation",
            mitigation.attribute,
            frame.columns,
            "Add it to features.inputs or training.segments, so that the data set carries it.",
        )
    return frame[mitigation.attribute].to_numpy()


def weights_of(frame: pl.DataFrame) -> FloatArray:
    """How many rows each row of a data set stands for, shape (n,); one each where it was written without weights."""
    if "weight" not in frame.columns:
        return np.ones(len(frame))
    weights: FloatArray = frame["weight"].to_numpy().astype(np.float64)
    return weights


def read_scored(dataset: Path, predictions: Path, split: str) -> pl.DataFrame:
    """Read one split with the ``probability`` that ``predict`` wrote for each row.

    Raises:
        IntegrityError: a row has no prediction: the two files are not of the same run.
    """
    rows = pl.read_parquet(dataset).filter(pl.col("split") == split)
    scored = rows.join(
        pl.read_parquet(predictions, columns=["row_id", "probability"]), on="row_id", how="left", maintain_order="left"
    )
    bare = scored.filter(pl.col("probability").is_null())
    if len(bare) or len(scored) != len(rows):
        raise IntegrityError(
            f"{predictions.name} does not belong to {dataset.name}: {len(bare)} of {len(rows)} rows of split {split!r} "
            f"have no prediction and {len(scored) - len(rows)} have more than one; predict anew on this data set"
        )
    return scored


def learned_until(dataset: Path) -> date:
    """Return the newest event date among the rows that a model and its calibration learn from."""
    learned = pl.scan_parquet(dataset).filter(pl.col("split").is_in([TRAIN, CALIBRATION]))
    newest: date = learned.select(pl.col("event_time").cast(pl.Date).max()).collect().item()
    return newest
