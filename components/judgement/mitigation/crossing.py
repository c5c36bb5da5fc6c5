"""Cutting all rows anew, so that each one is a test row once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.training.splits import CALIBRATION, TEST, TRAIN, place


def crossed(dataset: Path, use_case: UseCase, folds: int, folder: Path) -> Iterator[Path]:
    """Write the data set once for each part, with that part as its test split.

    The gap between two groups of some thousand rows is known to a point or two; with all rows as test rows, intervals
    are about half as wide. What is measured is then the way, not one model of it: each part is decided on by models
    made of the others (cross-fitting).

    Args:
        dataset: what ``label_rows`` wrote.
        use_case: its rows must be split by chance; ``training`` has the share of calibration rows and the seed.
        folds: parts, at least 2.
        folder: where to write.

    Raises:
        FairleadError: rows are split by time, or there are less than two parts.
    """
    if use_case.training.split != "shuffled":
        raise FairleadError(
            f"training.split of {use_case.name} is {use_case.training.split!r}: rows cut by chance would tell models "
            "of the future; measure on the test split (one fold)"
        )
    if folds < 2:
        raise FairleadError(f"{folds} folds cannot be crossed; give at least 2, or 1 to measure on the test split")
    frame = pl.read_parquet(dataset)
    frame = frame.filter(pl.col("split").is_in([TRAIN, CALIBRATION, TEST]))
    at = place(frame["row_id"], use_case.training.seed).to_numpy() * folds
    part, within = np.floor(at).astype(np.int64), at % 1
    calibrates = within < use_case.training.calibration_share / (1 - 1 / folds)
    for k in range(folds):
        split = np.where(part == k, TEST, np.where(calibrates, CALIBRATION, TRAIN))
        target = folder / f"part-{k}.parquet"
        frame.with_columns(split=pl.Series(split, dtype=pl.String)).write_parquet(target)
        yield target
