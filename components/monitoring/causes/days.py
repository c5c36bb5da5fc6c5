"""Faults of a column of days: day and month in each other's place, a day that stands for none, another calendar."""

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.monitoring.causes.numbers import LEAST_GAIN, as_much, filling
from components.monitoring.causes.patterns import LEAST_ROWS, Pattern, explains

Days = npt.NDArray[np.datetime64]

PLACEHOLDERS = np.array(
    [
        "0001-01-01",
        "1753-01-01",
        "1899-12-30",
        "1900-01-01",
        "1904-01-01",
        "1970-01-01",
        "1980-01-01",
        "2099-12-31",
        "2100-01-01",
        "2999-12-31",
        "9999-12-31",
    ],
    dtype="datetime64[D]",
)
"""Days that stand for "not known", or for the first day that some system knows."""

SHIFTS: tuple[tuple[int, str], ...] = (
    (36_525, "a century"),
    (36_524, "a century"),
    (1_462, "four years and a day, the difference between two calendars of spreadsheets"),
)

LAST_MONTH = 12
MOST_BEYOND = 0.05
"""Share of days that may be older, or later, than any of the reference when they are put back."""


def find(before: Days, now: Days, events_before: Days, events_now: Days) -> Pattern | None:
    """Find the fault that explains a column of days best.

    Args:
        before: the reference, shape (n,), datetime64[D], NaT for missing.
        now: the current rows that changed, shape (m,).
        events_before: days of the events of the reference, shape (n,).
        events_now: days of the events of the current rows, shape (m,).
    """
    if len(before) < LEAST_ROWS or len(now) < LEAST_ROWS:
        return None
    old, new = before[~np.isnat(before)], now[~np.isnat(now)]
    if not len(new):
        return None if len(old) < 0.1 * len(before) else Pattern("empty", f"none of {len(now):,} rows has a day")
    return (
        placeholder(before, now)
        or _constant(old, new)
        or no_late_days(old, new)
        or day_and_month(before, now, events_before, events_now)
        or shifted(_ago(before, events_before), _ago(now, events_now))
    )


def placeholder(before: Days, now: Days) -> Pattern | None:
    """A day that stands for none turned up, in place of missing ones or of any."""
    fell = float(np.isnat(before).mean() - np.isnat(now).mean())
    for value in PLACEHOLDERS:
        had = float((before == value).mean())
        gain = float((now == value).mean()) - had
        if gain < LEAST_GAIN or had >= LEAST_GAIN / 2:
            continue
        if as_much(gain, fell, len(before), len(now)):
            return Pattern("filled", filling(str(value), gain, fell))
        return Pattern("sentinel", f"{gain:.1%} of the rows say {value}, which stands for no day")
    return None


def no_late_days(old: Days, new: Days) -> Pattern | None:
    """No day after the twelfth is left: days and months were read in each other's place, and the rest did not parse."""
    late = float((day_of_month(old) > LAST_MONTH).mean()) if len(old) else 0.0
    if late < 0.2 or len(new) < LEAST_ROWS or (day_of_month(new) > LAST_MONTH).any():
        return None
    return Pattern(
        "day_and_month",
        f"none of {len(new):,} days is after the 12th of a month, where {late:.0%} were: day and month swapped",
    )


def day_and_month(before: Days, now: Days, events_before: Days, events_now: Days) -> Pattern | None:
    """With day and month swapped back, the days are as long ago as they were in the reference.

    Only days that have another reading are compared: the others are as they were.
    """
    other = [swap(side) for side in (before, now)]
    read = [(o != side) & ~np.isnat(side) for o, side in zip(other, (before, now), strict=True)]
    if min(r.sum() for r in read) < LEAST_ROWS:
        return None
    old = _ago(before[read[0]], events_before[read[0]])
    new, undone = (_ago(side[read[1]], events_now[read[1]]) for side in (now, other[1]))
    beyond = ((undone < old.min()) | (undone > old.max())).mean()
    if beyond > MOST_BEYOND or not explains(old, new, undone):
        return None
    share = read[1].sum() / (~np.isnat(now)).sum()
    return Pattern(
        "day_and_month",
        f"day and month are swapped in {share:.0%} of the days: put back, they are as long ago as they were before",
    )


def shifted(ago_before: FloatArray, ago_now: FloatArray) -> Pattern | None:
    """All days are off by the difference between two calendars."""
    old, new = (side[~np.isnan(side)] for side in (ago_before, ago_now))
    if min(len(old), len(new)) < LEAST_ROWS:
        return None
    for days, text in SHIFTS:
        for signed in (days, -days):
            if explains(old, new, new - signed):
                return Pattern("shifted", f"the days are off by {days:,} days: {text}")
    return None


def day_of_month(days: Days) -> npt.NDArray[np.int64]:
    """Day of the month from 1, shape (n,).

    >>> day_of_month(np.array(["2004-02-29"], dtype="datetime64[D]")).tolist()
    [29]
    """
    found: npt.NDArray[np.int64] = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
    return found


def swap(days: Days) -> Days:
    """Put the day of the month in the place of the month and the other way round, where there is such a month.

    >>> swap(np.array(["2004-03-05", "2004-03-25"], dtype="datetime64[D]")).astype(str).tolist()
    ['2004-05-03', '2004-03-25']
    """
    known = ~np.isnat(days)
    filled = np.where(known, days, np.datetime64(0, "D"))
    day = day_of_month(filled)
    year = filled.astype("datetime64[Y]")
    month = (filled.astype("datetime64[M]") - year.astype("datetime64[M]")).astype(np.int64) + 1
    swapped = (year.astype("datetime64[M]") + (day - 1)).astype("datetime64[D]") + (month - 1)
    found: Days = np.where(known & (day <= LAST_MONTH), swapped, days)
    return found


def _constant(old: Days, new: Days) -> Pattern | None:
    if len(new) < LEAST_ROWS or len(np.unique(new)) > 1 or len(np.unique(old)) < 10:
        return None
    return Pattern("constant", f"all of {len(new):,} days are {new[0]}, where there were {len(np.unique(old)):,}")


def _ago(days: Days, events: Days) -> FloatArray:
    return np.where(np.isnat(days), np.nan, (events - days).astype(np.float64))
