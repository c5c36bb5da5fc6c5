"""Splits: the model learns on the oldest rows and is judged on the newest; where there is no time, on shuffled ones."""

import hashlib
from datetime import date

import numpy as np
import polars as pl

from components.core.contracts import Contract
from components.core.errors import FairleadError

TRAIN, CALIBRATION, TEST, BACKTEST = "train", "calibration", "test", "backtest"
"""The first three in order of time, all mature at the training date; backtest is the year after it."""


def chronological(days: pl.Series, calibration_share: float, test_share: float) -> pl.Series:
    """Say for each row whether it trains, calibrates or tests.

    The newest rows test, those before them calibrate. A day is never cut in two, so that no split has seen a day of
    the next; each cut falls between the two days that come closest to the share asked for.

    >>> days = pl.Series([date(2000, 1, d) for d in (1, 2, 3, 4, 4)])
    >>> chronological(days, 0.2, 0.4).to_list()
    ['train', 'train', 'calibration', 'test', 'test']

    Args:
        days: event dates of n rows, in any order.
        calibration_share: share of the rows, more than 0.
        test_share: share of the rows, more than 0; the two leave something to train on.

    Raises:
        FairleadError: a share leaves no room for a split, or there are fewer than three days.
    """
    train_share = _train_share(calibration_share, test_share)
    known, counts = np.unique(days.cast(pl.Date).to_numpy().astype("datetime64[D]"), return_counts=True)
    if len(known) < 3:
        raise FairleadError(
            f"{len(known)} distinct event days among {len(days)} mature rows; a chronological split needs at least 3"
        )
    before = np.concatenate([[0], np.cumsum(counts)]) / len(days)
    first_test = int(np.clip(np.abs(before - (1 - test_share)).argmin(), 2, len(known) - 1))
    first_calibration = int(np.clip(np.abs(before - train_share).argmin(), 1, first_test - 1))
    calibration_from, test_from = known[first_calibration].item(), known[first_test].item()
    return _name(days.cast(pl.Date), calibration_from, test_from)


def place(row_ids: pl.Series, seed: int) -> pl.Series:
    """Give each row a place from 0 to below 1 that looks drawn at random and hangs on its id and the seed alone.

    A row keeps its place, and with it its split, whatever other rows the table has.

    >>> place(pl.Series([1, 2]), 7).round(4).to_list() == place(pl.Series(["1", "2"]), 7).round(4).to_list()
    True
    """
    digests = (hashlib.sha256(f"{seed}/{row_id}".encode()).digest() for row_id in row_ids.to_list())
    return pl.Series("place", [int.from_bytes(d[:6]) / 2**48 for d in digests], dtype=pl.Float64)


def shuffled(places: pl.Series, calibration_share: float, test_share: float) -> pl.Series:
    """Say for each row whether it trains, calibrates or tests, by the place that ``place`` gave it.

    >>> shuffled(pl.Series([0.1, 0.9, 0.7, 0.5]), 0.2, 0.25).to_list()
    ['train', 'test', 'calibration', 'train']

    Raises:
        FairleadError: a share leaves no room for a split.
    """
    train_share = _train_share(calibration_share, test_share)
    return pl.DataFrame({"place": places}).select(
        split=pl.when(pl.col("place") < train_share)
        .then(pl.lit(TRAIN))
        .when(pl.col("place") < 1 - test_share)
        .then(pl.lit(CALIBRATION))
        .otherwise(pl.lit(TEST))
    )["split"]


def unlearned(contract: Contract, frame: pl.DataFrame) -> pl.Series:
    """Say for each row of a data set (row_id, event_time) whether a model has not learned from it."""
    held_out = contract.held_out
    if held_out is not None:
        return place(frame["row_id"], held_out.seed) >= 1 - held_out.share
    return frame["event_time"].cast(pl.Date) > date.fromisoformat(contract.trained_until)


def _train_share(calibration_share: float, test_share: float) -> float:
    train_share = 1 - calibration_share - test_share
    if min(train_share, calibration_share, test_share) <= 0:
        raise FairleadError(
            f"training.calibration_share {calibration_share} and training.test_share {test_share} leave "
            f"{train_share:.2f} to train on; each share must be above 0 and their sum below 1"
        )
    return train_share


def _name(days: pl.Series, calibration_from: date, test_from: date) -> pl.Series:
    frame = pl.DataFrame({"day": days})
    return frame.select(
        split=pl.when(pl.col("day") >= test_from)
        .then(pl.lit(TEST))
        .when(pl.col("day") >= calibration_from)
        .then(pl.lit(CALIBRATION))
        .otherwise(pl.lit(TRAIN))
    )["split"]
