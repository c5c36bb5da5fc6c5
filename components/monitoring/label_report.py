"""Labels: of how many rows it is known what became of them, cohort by cohort, and whether outcomes still come in."""

from datetime import date, timedelta

import polars as pl
from pydantic import BaseModel, ConfigDict

from components.core.use_case import UseCase
from components.monitoring.calls import DELAY_DAYS
from components.monitoring.values import Window


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CohortLabels(_Value):
    """What is known of one cohort."""

    cohort: Window
    mature: int
    """Rows whose time to turn bad is over."""
    labelled: int
    """Mature rows whose outcome is known."""
    known_bad: int
    """Bad outcomes so far, of mature rows and of others."""
    matures: date
    """When its last row does."""

    @property
    def maturity(self) -> float:
        """Share of its rows that are mature."""
        return self.mature / self.cohort.rows

    @property
    def coverage(self) -> float | None:
        """Share of its mature rows whose outcome is known; None without a mature row."""
        return self.labelled / self.mature if self.mature else None


class Labels(_Value):
    """What is known on a day of what became of the rows."""

    now: date
    rows: int
    mature: int
    labelled: int
    newest: date | None
    """When the newest outcome became known; None where none is."""
    waiting_since: date | None
    """When the first of the mature rows without an outcome became mature; None where none waits."""
    delay_days: float | None
    """See ``delay_days``."""
    cohorts: tuple[CohortLabels, ...]
    """From old to new."""


def label_report(frame: pl.DataFrame, use_case: UseCase, now: date) -> Labels:
    """Report which labels are there.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        use_case: says how long a cohort is.
        now: as of which ``frame`` is.
    """
    whole = frame.select(
        mature=pl.col("mature").sum(),
        labelled=(pl.col("mature") & pl.col("label").is_not_null()).sum(),
        newest=pl.col("known_on").max(),
        waiting_since=_waiting_since(),
    ).row(0, named=True)
    cohorts = by_cohort(frame, use_case.monitoring.cohort_months, now).agg(
        pl.len(),
        mature=pl.col("mature").sum(),
        labelled=(pl.col("mature") & pl.col("label").is_not_null()).sum(),
        known_bad=(pl.col("label") == 1).sum(),
        matures=pl.col("matures").max(),
    )
    return Labels(
        now=now,
        rows=len(frame),
        delay_days=delay_days(frame, now),
        cohorts=tuple(
            CohortLabels(cohort=Window(first=c.pop("first"), last=c.pop("last"), rows=c.pop("len")), **c)
            for c in cohorts.sort("first").iter_rows(named=True)
        ),
        **whole,
    )


def by_cohort(frame: pl.DataFrame, months: int, now: date) -> "pl.dataframe.group_by.GroupBy":
    """Group rows by ``first`` and ``last``, the days of their cohort: so many calendar months, the newest up to now."""
    first = pl.col("event_time").dt.truncate(f"{months}mo")
    last = first.dt.offset_by(f"{months}mo").dt.offset_by("-1d")
    return frame.group_by(first=first, last=pl.min_horizontal(last, pl.lit(now, pl.Date)))


def delay_days(frame: pl.DataFrame, now: date) -> float | None:
    """Count the days for which outcomes have failed to come.

    That is since the newest one became known, but no longer than a mature row has been waiting for its own: a quiet log
    of which no outcome is due is not late.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        now: as of which ``frame`` is.

    Returns:
        0 when no row waits; None without a mature row.
    """
    if not frame["mature"].any():
        return None
    since, newest = frame.select(_waiting_since(), pl.col("known_on").max()).row(0)
    if since is None:
        return 0.0
    return float((now - max(day for day in (since, newest) if day is not None)).days)


def known_until(frame: pl.DataFrame, now: date) -> date:
    """Return the day up to which outcomes are taken to be known: now, or when they stopped coming.

    Where none has come for long although some are due, silence says nothing of the rows whose time still runs.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        now: as of which ``frame`` is.
    """
    delay = delay_days(frame, now) or 0.0
    return now - timedelta(days=delay) if delay >= DELAY_DAYS.amber else now


def settled_until(frame: pl.DataFrame, now: date) -> date:
    """Return the day up to which rows that became mature have been told to be good, if they are.

    Bad outcomes come as they happen, good ones when a row is mature or some time after. Of rows for which the good ones
    have not come yet only the bad ones have a label, and their labels alone would tell of bad rows only.

    Args:
        frame: watched rows, as ``Joined.at`` gives them.
        now: as of which ``frame`` is; also what is returned where no row waits that became mature later.
    """
    good = frame.filter(pl.col("mature") & (pl.col("label") == 0))
    last: date = good.select(pl.col("matures").max()).item() or date.min
    waiting = pl.col("mature") & pl.col("label").is_null() & (pl.col("matures") > last)
    return last if frame.select(waiting.any()).item() else now


def _waiting_since() -> pl.Expr:
    return pl.col("matures").filter(pl.col("mature") & pl.col("label").is_null()).min().alias("waiting_since")
