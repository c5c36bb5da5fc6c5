"""Watched rows of a world whose truth is known: nine years of loans that mature after three."""

from datetime import date

import numpy as np
import polars as pl
from scipy.stats import beta

NOW = date(2012, 12, 31)
LONGEST = 1090
"""Days after which a bad outcome has come."""
COMES = beta(2, 2)


def world(n=9000, first=date(2004, 1, 1), last=NOW, *, seed=0, rise=0.0, middle=-2.2):
    """Make rows with what hindsight knows: ``bad`` and ``when``.

    The probabilities are right where ``rise`` (in log odds; one for each row, or one for all) is 0.
    """
    rng = np.random.default_rng(seed)
    day = np.sort(np.datetime64(first) + rng.integers(0, (last - first).days + 1, n))
    odds = rng.normal(middle, 1.0, n)
    bad = rng.random(n) < 1 / (1 + np.exp(-odds - rise))
    return pl.DataFrame(
        {
            "request_id": [f"r{i}" for i in range(n)],
            "event_time": day,
            "probability": 1 / (1 + np.exp(-odds)),
            "bad": bad,
            "when": day + np.maximum(1, LONGEST * COMES.rvs(n, random_state=rng)).astype(int),
            "version": "1",
            "NewExist": rng.choice(["1", "2"], n),
            "UrbanRural": rng.choice(["0", "1", "2"], n, p=[0.02, 0.49, 0.49]),
            "LowDoc": rng.choice(["N", "Y", None], n).tolist(),
        }
    )


def watched(frame, now=NOW, stopped=None):
    """Return the watched rows as of a day; nothing is told after ``stopped``."""
    until = min(now, stopped or now)
    frame = frame.filter(pl.col("event_time") <= now).with_columns(matures=pl.col("event_time").dt.offset_by("36mo"))
    told_bad = pl.col("bad") & (pl.col("when") <= until)
    told_good = ~pl.col("bad") & (pl.col("matures") <= until)
    return frame.with_columns(
        mature=pl.col("matures") <= now,
        outcome=pl.when(told_bad).then(1).when(told_good).then(0).cast(pl.Int64),
        outcome_time=pl.when(told_bad).then("when"),
        known_on=pl.when(told_bad).then("when").when(told_good).then("matures"),
        label=pl.when(told_bad).then(1.0).when(told_good).then(0.0),
    )
