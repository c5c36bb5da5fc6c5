"""Development: how bad outcomes come in over time, and what that makes of rows whose time still runs.

A loan of last year that was not charged off is not good yet. Leaving it out until its time is over costs years; taking
it as good calls the newest rows harmless. Older rows tell how large a share of the bad outcomes is known at each age,
and with it the outcomes known so far can stand for those that are not known yet: what insurers do with claims that have
not been reported (the chain ladder), and epidemiologists with cases.

Source of the estimate: J. Kalbfleisch and J. Lawless, "Inference based on retrospective ascertainment", JASA 84 (1989):
the product-limit estimate in reverse time for outcomes that are seen only if they come before today. Of the weights:
inverse probability of being known, D. Horvitz and D. Thompson, JASA 47 (1952), with each quarter's total held at its
number of rows.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray

Days = npt.NDArray[np.datetime64]

MONTH = 365.25 / 12
"""Days in a month of the grid on which development is told."""

HISTORY = 2
"""Outcomes of events no older than so many times the maturity say how outcomes come in: how fast they do changes."""

MINIMUM_MATURE_BAD = 10
"""Bad outcomes of mature rows from which on it can be told how outcomes come in."""

TOLD_SHARES = (0.1, 0.9)
"""Where quarters are compared with the whole: nearly nothing, or nearly all, is known beyond."""

MOST_BAD = 0.95
"""No quarter of rows is taken to be worse than this, however few of its outcomes should be known."""


class Development(BaseModel):
    """How large a share of the bad outcomes within the maturity is known at which age.

    >>> half = Development(ages=(0.0, 100.0, 200.0), shares=(0.0, 0.5, 1.0), outcomes=10)
    >>> half.share_known(np.array([0.0, 50.0, 200.0, 900.0])).tolist()
    [0.0, 0.25, 1.0, 1.0]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ages: tuple[float, ...]
    """Days since the event, rising; the last is the maturity."""
    shares: tuple[float, ...]
    """Share known at each of them, rising from 0 to 1."""
    outcomes: int
    """Bad outcomes that it was estimated from."""
    spread: float = 0.0
    """How far cohorts part from it: standard deviation of what is known of a quarter's bad outcomes as a multiple of
    the share, at a share of one half; at others times the root of (1 - share) / share."""
    told: bool = True
    """False where these were too few to tell anything: then no share is known before the last age."""

    def share_known(self, age_days: npt.NDArray[np.floating[Any]]) -> FloatArray:
        """Share known at ages of shape (n,), in days, as shape (n,); a straight line between the grid's ages."""
        if not self.told:
            return np.where(age_days >= self.ages[-1], 1.0, 0.0)
        known: FloatArray = np.interp(age_days, self.ages, self.shares)
        return known


def development(event_days: Days, bad_days: Days, until: Days, maturity_months: int) -> Development:
    """Estimate from what is known how bad outcomes come in.

    Each outcome is seen only if it came before today, so young rows show quick ones alone; the estimate allows for that
    by asking, age by age and from the oldest down, how many of the outcomes that were there by then came just then.
    Without ten bad outcomes of rows that are mature nothing can be told: what comes late has not been seen then.

    Args:
        event_days: shape (n,), datetime64[D].
        bad_days: shape (n,), when the row turned bad; NaT where it has not, or not yet.
        until: shape (n,), the day up to which the row's outcome would be known; nothing later is looked at.
        maturity_months: outcomes later than this after the event do not count.
    """
    # The last age is a day late, for a maturity of calendar months can be a day longer than so many mean months.
    ages = np.arange(maturity_months + 1) * MONTH
    ages[-1] += 1
    age = (until - event_days).astype(np.float64)
    delay = (bad_days - event_days).astype(np.float64)  # NaT becomes the lowest number there is
    newest = until.max() if len(until) else np.datetime64(0, "D")
    recent = event_days >= newest - np.timedelta64(int(HISTORY * ages[-1]), "D")
    seen = ~np.isnat(bad_days) & (bad_days <= until) & (delay <= ages[-1]) & recent
    outcomes, grid = int(seen.sum()), tuple(ages.tolist())
    shares = _product_limit(delay[seen], age[seen], ages)
    if shares is None:
        return Development(ages=grid, shares=(*(0.0,) * maturity_months, 1.0), outcomes=outcomes, told=False)
    quarters = event_days.astype("datetime64[M]").astype(np.int64) // 3
    spread = _spread(quarters[recent], np.where(seen, delay, np.inf)[recent], age[recent], ages, shares)
    return Development(ages=grid, shares=tuple(shares.tolist()), outcomes=outcomes, spread=spread)


def _product_limit(delay: FloatArray, age: FloatArray, ages: FloatArray) -> FloatArray | None:
    shares = np.ones(len(ages))
    for i in range(len(ages) - 1, 0, -1):
        # Came by this age, and would have been seen had they come at it.
        at_risk = (delay <= ages[i]) & (age >= ages[i])
        if not at_risk.any() or (i == len(ages) - 1 and at_risk.sum() < MINIMUM_MATURE_BAD):
            return None
        shares[i - 1] = shares[i] * (1 - (at_risk & (delay > ages[i - 1])).sum() / at_risk.sum())
        if shares[i - 1] == 0:
            shares[:i] = 0.0
            break
    shares[0] = 0.0
    return shares


def _spread(
    quarters: npt.NDArray[np.int64], delay: FloatArray, age: FloatArray, ages: FloatArray, shares: FloatArray
) -> float:
    """Compare the mature quarters with the shares; what is beyond the noise of their few outcomes is their own.

    A quarter of N bad outcomes of which k were known at a share F has (k / (N F) - 1)² = (1 - F) / F (1 / N + spread²)
    on average. Quarters weigh by their outcomes.
    """
    at = np.flatnonzero((shares > TOLD_SHARES[0]) & (shares < TOLD_SHARES[1]))
    squares, weights = [], []
    for quarter in np.unique(quarters) if len(at) else ():
        mine = quarters == quarter
        came = delay[mine & np.isfinite(delay)]
        if len(came) < MINIMUM_MATURE_BAD or (age[mine] < ages[-1]).any():
            continue
        share = shares[at]
        off = (came[:, None] <= ages[at]).mean(axis=0) / share - 1
        squares.append(float((off**2 * share / (1 - share)).mean()) - 1 / len(came))
        weights.append(len(came))
    return float(np.sqrt(max(0.0, np.average(squares, weights=weights)))) if squares else 0.0


def learn(tables: Sequence[tuple[pl.DataFrame, date]], maturity_months: int) -> Development:
    """Estimate a development from several tables together: from rows of old beside a log that is young, say.

    Args:
        tables: each with event_time and outcome_time, and outcome as in ``weigh``; and the day up to which it knows
            outcomes. The same row in two of them counts twice, which changes how sure the estimate is, not what it
            says.
        maturity_months: as in ``development``.
    """
    parts = [
        f.filter(pl.col("event_time") <= until).select(
            pl.col("event_time").cast(pl.Date), turned=_turned(f.columns), until=pl.lit(until, pl.Date)
        )
        for f, until in tables
    ]
    rows = pl.concat(parts)
    return development(_days(rows["event_time"]), _days(rows["turned"]), _days(rows["until"]), maturity_months)


def weigh(
    frame: pl.DataFrame,
    now: date,
    maturity_months: int,
    minimum_developed: float,
    grown: Development | None = None,
) -> pl.DataFrame:
    """Give rows the labels known at a day, and weights that allow for those that are not.

    A mature row weighs 1. Within each calendar quarter of events the bad rows that are immature weigh 1 / (share known
    at their age) and the others share what is left, so that the quarter weighs as many rows as it has and its weighted
    share of bad rows is an estimate of what will become of it.

    Args:
        frame: event_time and outcome_time (when a row turned bad; null where it has not), and an outcome (1 bad) where
            an outcome_time alone does not say that a row is bad.
        now: nothing that became known later is used.
        maturity_months: time that an outcome has to show.
        minimum_developed: immature rows of an age at which a smaller share of the bad outcomes is known are left out.
        grown: how outcomes come in, where these rows are too young to tell; None: as these rows tell it.

    Returns:
        Rows up to ``now`` in their order, with ``label`` (1.0 known to be bad, 0.0 not), ``weight``, ``matures``,
        ``mature`` and ``developed`` (share known at the row's age; 1 for mature rows).
    """
    past = frame.filter(pl.col("event_time") <= now).with_columns(
        matures=pl.col("event_time").dt.offset_by(f"{maturity_months}mo")
    )
    turned = _turned(past.columns)
    bad = (turned <= now) & (turned <= pl.col("matures"))
    past = past.with_columns(label=bad.fill_null(value=False).cast(pl.Float64), mature=pl.col("matures") <= now)
    grown = grown or learn([(past, now)], maturity_months)
    known = past.with_columns(developed=developed(past, now, grown)).filter(
        pl.col("mature") | (pl.col("developed") >= minimum_developed)
    )
    return known.with_columns(weight=_weight())


def developed(frame: pl.DataFrame, now: date, grown: Development) -> pl.Series:
    """Return for each row the share of its like's bad outcomes that should be known; 1 for mature rows.

    Args:
        frame: event_time and mature.
        now: as of which.
        grown: how outcomes come in.
    """
    ages = (np.datetime64(now, "D") - _days(frame["event_time"])).astype(np.float64)
    return pl.Series(np.where(frame["mature"].to_numpy(), 1.0, grown.share_known(ages)), dtype=pl.Float64)


def _turned(columns: Sequence[str]) -> pl.Expr:
    """When a row turned bad; null for those that have not."""
    day = pl.col("outcome_time").cast(pl.Date)
    return pl.when(pl.col("outcome") == 1).then(day) if "outcome" in columns else day


def _weight() -> pl.Expr:
    quarter = [pl.col("event_time").dt.truncate("1q"), pl.col("mature")]
    rows, bad = pl.len().cast(pl.Float64), pl.col("label").sum()
    inverse = pl.col("label") / pl.col("developed")
    # All bad outcomes of the quarter, known or to come; never so many that nothing is left for the others.
    expected = pl.min_horizontal(inverse.sum(), MOST_BAD * rows).clip(lower_bound=bad)
    of_bad = inverse * expected / inverse.sum()
    of_others = (rows - expected) / (rows - bad)
    immature = pl.when(pl.col("label") == 1).then(of_bad.over(quarter)).otherwise(of_others.over(quarter))
    # Where all rows of a quarter are bad already there is nobody to share with.
    return pl.when(pl.col("mature")).then(1.0).otherwise(immature.fill_nan(1.0))


def _days(series: pl.Series) -> Days:
    return series.cast(pl.Date).to_numpy().astype("datetime64[D]")
