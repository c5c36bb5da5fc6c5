"""More bad outcomes than the model said: tested as they come in, without waiting for rows to mature.

A loss can be told fairly only of rows whose time is over. But bad outcomes come in all the time, and how many of them
should have come by now follows from the rows' probabilities and from how outcomes came in before (``Development``). So
each row is watched through each month of its life: it should turn bad in it with its probability times the share of the
bad outcomes that belongs to that month, given that it has not before.

The bets are those of ``components.rollout.statistics``; each day is one observation, of the months of life that end on
it: the bad outcomes that came in them minus those expected.
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import FloatArray
from components.monitoring.detectors.sequential import ALPHA, WARNING
from components.monitoring.streams import ALL, MINIMUM_ROWS, Detection, Watch
from components.rollout.statistics.betting import Payoffs
from components.rollout.statistics.restarts import Starts, log_e_above_restarted
from components.training.development import Development

NAME = "excess"
"""The stream's name beside those of ``streams.STREAMS``; its values are ratios of outcomes to those expected."""

STARTS = Starts(every=90)
"""Bets begin anew every ninety days on which something was seen."""

LEAST_EXPECTED = 1.0
"""Outcomes to be expected before anything is said."""

Days = npt.NDArray[np.datetime64]


def excess(
    frame: pl.DataFrame, grown: Development, now: date, *, tolerated: float, group: str = ALL, alpha: float = ALPHA
) -> Watch:
    """Test "no row turns bad more often than its probability times ``1 + tolerated`` says, month by month of its life".

    While that is true, drift is ever called with a probability of ``alpha`` at most, however often one looks: an
    outcome counts on the day on which its month of life ends, when it is known whether the row has turned bad in it.
    Outcomes may come as much sooner than usual as those of a quarter's rows do (``Development.spread``); where they all
    begin to come sooner than that, they are more than expected for a while, and drift may be called then.

    Args:
        frame: watched rows: event_time, probability, label, outcome_time. None that the model has learned from.
        grown: how outcomes came in before, from rows older than these.
        now: outcomes up to this day are in the frame.
        tolerated: rise of the number of outcomes that is not called drift, as a share of it.
        group: what the rows are, for the result.
        alpha: the promise.

    Returns:
        The detector is ``sequential``, ``n`` counts rows, ``mean`` is the ratio of the outcomes to those expected, and
        the baseline 1. There is one detection at most, whose ``n`` and ``value`` are the rows and the ratio by then.
    """
    rows = frame.drop_nulls(["probability", "event_time"]).sort("event_time")
    days, bad, expected = _by_day(rows, grown, now)
    ratio = float(bad.sum() / expected.sum()) if expected.sum() > 0 else None
    found = Watch(
        detector="sequential", stream=NAME, group=group, n=len(rows), mean=ratio, baseline=1.0, state="no_data"
    )
    if reason := _why_nothing(len(rows), float(expected.sum()), grown):
        return found.model_copy(update={"reason": reason})
    log_e = log_e_above_restarted(_payoffs(bad, (1 + tolerated) * expected), 0.0, starts=STARTS)
    over = np.flatnonzero(log_e >= -np.log(alpha))
    if not len(over):
        return found.model_copy(update={"state": "warning" if log_e[-1] >= -np.log(WARNING) else "quiet"})
    first, day = over[0], days[over[0]].astype(date)
    detection = Detection(
        detector="sequential",
        stream=NAME,
        group=group,
        day=day,
        n=len(rows.filter(pl.col("event_time") <= day)),
        value=float(bad[: first + 1].sum() / expected[: first + 1].sum()),
    )
    return found.model_copy(update={"state": "drift", "detections": (detection,)})


def _by_day(rows: pl.DataFrame, grown: Development, now: date) -> tuple[Days, FloatArray, FloatArray]:
    """Sum bad outcomes, and those expected, over the months of life that end on each day up to ``now``.

    Returns:
        Days on which any ends, in order, and for each the bad outcomes and the expected ones; all of shape (days,).
    """
    event = rows["event_time"].to_numpy().astype("datetime64[D]")
    turned = rows.select(pl.when(pl.col("label") == 1).then(pl.col("outcome_time")).cast(pl.Date)).to_series()
    turned_on = turned.to_numpy().astype("datetime64[D]")
    age_bad = np.where(np.isnat(turned_on), np.inf, (turned_on - event).astype(np.float64))
    p = np.clip(rows["probability"].to_numpy().astype(np.float64), 0.0, 1.0)
    ends = np.ceil(grown.ages).astype(np.int64)
    shares = _shares(grown)
    end = np.datetime64(now, "D")
    origin = min([*event[:1], end])
    length = int((end - origin).astype(np.int64)) + 1
    bad, expected, ended = np.zeros(length), np.zeros(length), np.zeros(length, dtype=bool)
    for j in range(len(ends) - 1):
        # An outcome on the very day of the event is one of the first month.
        seen = (event + ends[j + 1] <= end) & ((age_bad > ends[j]) | (j == 0))
        place = (event[seen] + ends[j + 1] - origin).astype(np.int64)
        hazards = [p[seen] * (s[j + 1] - s[j]) / np.maximum(1 - p[seen] * s[j], 1e-9) for s in shares]
        bad += np.bincount(place, age_bad[seen] <= ends[j + 1], length)
        expected += np.bincount(place, np.clip(np.maximum(*hazards), 0.0, 1.0), length)
        ended[place] = True
    days = (origin + np.flatnonzero(ended)).astype("datetime64[D]")
    return days, bad[ended], expected[ended]


def _shares(grown: Development) -> tuple[FloatArray, FloatArray]:
    """Return which share of the bad outcomes should have come by each age, as before and as soon as is usual.

    Half an outcome is added to each month, since none that was seen in it does not make the next one a wonder. The
    second curve lies above the first by the standard deviation of what quarters of rows have shown.
    """
    months = len(grown.shares) - 1
    added = 0.5 * months / (grown.outcomes + 0.5 * months)
    shares = (1 - added) * np.array(grown.shares) + added * np.arange(months + 1) / months
    sooner = np.minimum(1.0, shares + grown.spread * np.sqrt(shares * (1 - shares)))
    return shares, np.maximum.accumulate(sooner)


def _payoffs(bad: FloatArray, allowed: FloatArray) -> Payoffs:
    """Turn days into observations of a mean of 0 or below; for rare events a bet's size is the rise it wins on most."""
    one = np.ones_like(bad)
    return Payoffs(bad - allowed, -allowed, np.full_like(bad, np.inf), one)


def _why_nothing(rows: int, expected: float, grown: Development) -> str:
    if not grown.told:
        return f"{grown.outcomes} outcomes of older rows are too few to say how outcomes come in"
    if rows < MINIMUM_ROWS:
        return f"{rows} rows, needed {MINIMUM_ROWS}: few were logged"
    if expected < LEAST_EXPECTED:
        return f"{expected:.2g} bad outcomes should be known by now, needed {LEAST_EXPECTED:g}: the rows are young"
    return ""
