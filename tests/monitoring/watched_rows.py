"""Watched rows that nobody has logged: loans of a world with a known change, as known on a day."""

from datetime import date

import numpy as np
import polars as pl

from components.monitoring.joined import TOLD

MATURITY = 12
"""Months that a row takes to mature."""


def rows(
    n: int = 6000, *, seed: int = 1, changes: float = 1.0, times: float = 3.0, now: date = date(2012, 1, 1)
) -> pl.DataFrame:
    """Make n rows, evenly from 2004 to 2009, whose probabilities are right up to a share ``changes`` of the time.

    From then on rows turn bad ``times`` as often as their probability says. Outcomes come within a year, sooner rather
    than later; the good ones are told when the row matures.
    """
    rng = np.random.default_rng(seed)
    start, end = np.datetime64("2004-01-01"), np.datetime64("2009-12-31")
    days = start + (np.arange(n) * ((end - start).astype(int) / n)).astype("timedelta64[D]")
    probability = rng.beta(2, 18, n)
    truth = np.minimum(0.95, np.where(np.arange(n) < changes * n, 1.0, times) * probability)
    bad = rng.random(n) < truth
    after = days + (365 * rng.beta(2, 3, n)).astype("timedelta64[D]")
    frame = pl.DataFrame(
        {
            "request_id": [f"r{i:05d}" for i in range(n)],
            "row": np.zeros(n, dtype=np.int64),
            "version": "1",
            "variant": "stable",
            "event_time": days,
            "size": np.where(rng.random(n) < 0.25, "small", "large"),
            "probability": probability,
            "decision": (probability >= 0.15).astype(np.int64),
            "outlier_score": rng.random(n),
            "outlier": rng.random(n) < 0.005,
            "outcome": bad.astype(np.int64),
            "outcome_time": after,
        }
    ).with_columns(pl.col("event_time", "outcome_time").cast(pl.Date))
    return known(frame, now)


def known(frame: pl.DataFrame, now: date) -> pl.DataFrame:
    """Return what is known of rows by a day, as ``components.monitoring.joined`` tells it."""
    frame = frame.filter(pl.col("event_time") <= now).with_columns(
        matures=pl.col("event_time").dt.offset_by(f"{MATURITY}mo")
    )
    told = pl.when(pl.col("outcome") == 1).then(pl.col("outcome_time")).otherwise(pl.col("matures"))
    frame = frame.with_columns(known_on=told, mature=pl.col("matures") <= now)
    told = pl.col("known_on") <= now
    return frame.with_columns(
        outcome=pl.when(told).then(pl.col("outcome")),
        outcome_time=pl.when(told & (pl.col("outcome") == 1)).then(pl.col("outcome_time")),
        known_on=pl.when(told).then(pl.col("known_on")),
        label=pl.when(told).then(pl.col("outcome").cast(pl.Float64)),
    ).select(*[c for c in frame.columns if c not in TOLD], *TOLD)
