"""The same past with another future: whatever is decided on a day must be the same in both."""

from datetime import date, timedelta

import numpy as np
import polars as pl


def another_future(features: pl.DataFrame, now: date, seed: int = 1) -> pl.DataFrame:
    """Change all that nobody can know at the end of a day, and nothing that somebody can.

    Rows of later days get the inputs and histories of others. Outcomes that were not known by then are drawn anew: most
    of the loans turn bad now, on a later day, whether they would have done so or not.

    Args:
        features: as ``build_features`` writes them.
        now: what happened or became known up to it stays.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    table = features.with_columns(pl.col("event_time", "outcome_time").cast(pl.Date))
    later = table.filter(pl.col("event_time") > now)
    mixed = later[rng.permutation(len(later))]
    inputs = [name for name in table.columns if name not in ("row_id", "event_time", "outcome", "outcome_time")]
    whole = pl.concat([table.filter(pl.col("event_time") <= now), later.with_columns(mixed.select(inputs))])
    known = ((pl.col("outcome") == 1) & (pl.col("outcome_time") <= now)).fill_null(value=False)
    turns = pl.Series(rng.uniform(size=len(whole)) < 0.6)
    days = [now + timedelta(days=int(d)) for d in rng.integers(1, 900, len(whole))]
    day = pl.max_horizontal(pl.Series(days, dtype=pl.Date), pl.col("event_time") + pl.duration(days=1))
    return whole.with_columns(
        outcome=pl.when(known).then(1).when(turns).then(1).otherwise(0).cast(table.schema["outcome"]),
        outcome_time=pl.when(known).then("outcome_time").when(turns).then(day),
    )
