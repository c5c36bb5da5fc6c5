"""The newest window of watched rows, and the rows that it is compared with."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from components.monitoring.drift.references import Reference, pick_reference
from components.monitoring.values import Window
from components.monitoring.watched import Watched


@dataclass(frozen=True)
class Windows:
    """The newest window, and the rows that it is compared with.

    Args:
        reference: picked as the use case says.
        rows: of the newest window, scored.
        current: its days.
    """

    reference: Reference
    rows: pl.DataFrame
    current: Window


def cut(watched: Watched, scored: pl.DataFrame, now: date) -> Windows:
    """Cut the newest window out of scored rows, and pick its reference.

    Args:
        watched: the reigning model.
        scored: of all watched rows as of ``now``, see ``Watched.scored``.
        now: last day of the window.
    """
    monitoring = watched.use_case.monitoring
    first = now - timedelta(days=monitoring.window_days - 1)
    rows = scored.filter(pl.col("event_time") >= first)
    kind, least = monitoring.drift.reference, monitoring.drift.minimum_rows
    reference = pick_reference(kind, scored, "event_time", (first, now), least, watched.reference)
    return Windows(reference, rows, Window(first=first, last=now, rows=len(rows)))


def why_nothing(windows: Windows, rows: pl.DataFrame) -> dict[str, str]:
    """Say where there is nothing to compare, and the probable cause.

    Args:
        windows: as they were cut.
        rows: all watched rows.

    Returns:
        By ``window`` and ``reference``; empty where both have rows.
    """
    found = {}
    if windows.rows.is_empty():
        newest, days = rows["event_time"].max(), f"{windows.current.first} to {windows.current.last}"
        came = "none at all" if newest is None else f"the newest is of {newest!s}"
        found["window"] = (
            f"no prediction of {days} is in the log, {came}: nothing was asked, or servers run without --log"
        )
    if windows.reference.reason:
        found["reference"] = windows.reference.reason
    return found
