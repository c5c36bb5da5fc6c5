"""Which draw a logged row belongs to: by its request's id where the proxy saw it, else by its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from components.rollout.proxied import SETTLE

BLUR = timedelta(seconds=1)
"""Around a change of weights or mirror nobody can say for a row that is found by its time alone which of the two it was
drawn by: such rows are left out, which depends on nothing but the time."""

KEY = ("request_id", "row")

ROW = (*KEY, "variant")


@dataclass(frozen=True)
class Seen:
    """All that was seen since the rollout began.

    Args:
        requests: columns of ``proxied.REQUESTS``: what the proxy drew, those that are settled in the order of their
            places.
        predictions: at, request_id, row, variant, probability, decision, outlier, latency_ms, in the order of the log.
        outcomes: request_id, row, label, in the order in which they became known.
        rescored: request_id, row, and the probabilities ``stable`` and ``candidate`` of requests with an outcome.
        now: time of the look.
    """

    requests: pl.DataFrame
    predictions: pl.DataFrame
    outcomes: pl.DataFrame
    rescored: pl.DataFrame
    now: datetime


def placed(predictions: pl.DataFrame, requests: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Find the draw of each logged row.

    A row's request is found in the proxy's log by its id, where clients send no id in the body or the same as in
    ``x-request-id``. Then who was drawn is known, whoever answered. Else the row gets the weight and the mirror in
    force at its time, and who answered is taken for who was drawn: where one variant steps in for the other, that is
    wrong.

    Args:
        predictions: as ``Seen`` has them.
        requests: columns of ``REQUESTS``.
        now: time of the look; rows that are not settled by then are left out.

    Returns:
        One row per request, row and variant, the first of the log, with ``arrived``, ``candidate`` (drawn for it),
        ``share``, ``mirror``, ``failed``, ``gone``, ``rescued`` and ``known`` (found by its id); in the order in which
        requests came.
    """
    rows = predictions.unique(ROW, keep="first", maintain_order=True).with_row_index("place")
    single = requests.filter(pl.col("request_id").is_not_null() & (pl.col("request_id").is_duplicated().not_()))
    draws = single.select(
        "request_id", "candidate", "share", "mirror", "failed", "gone", "rescued", "settled", arrived="at"
    )
    known = rows.join(draws, on="request_id", how="inner").filter("settled").drop("settled").with_columns(known=True)
    others = rows.join(draws, on="request_id", how="anti").filter(pl.col("at") <= now - SETTLE)
    timed = _by_time(others, requests).with_columns(
        candidate=pl.col("variant") == "candidate",
        failed=False,
        gone=False,
        rescued=False,
        arrived="at",
        known=False,
    )
    return pl.concat([known, timed.select(known.columns)]).sort("arrived", "place").drop("place")


def duplicates(predictions: pl.DataFrame) -> int:
    """Count rows under an id that an earlier one of the same variant had; none of them can be told from it."""
    return len(predictions) - predictions.select(pl.struct(ROW).n_unique()).item() if len(predictions) else 0


def each(rows: pl.DataFrame, value: pl.Expr, *also: str) -> pl.DataFrame:
    """Make one value of each request, the mean over its rows: rows that come together are no independent draws.

    Args:
        rows: in the order that the requests are to have.
        value: of a row.
        also: columns that all rows of a request share.
    """
    one = rows.group_by("request_id", maintain_order=True)
    return one.agg(value.cast(pl.Float64).mean().alias("value"), *(pl.col(name).first() for name in also))


def _by_time(rows: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    drawn = requests.sort("at").select("at", "share", "mirror")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("share", "mirror"))
    changes = drawn.filter(other & (pl.int_range(pl.len()) > 0)).select("at", changed="at")
    timed = rows.sort("at").join_asof(drawn, on="at", strategy="nearest")
    if changes.is_empty():
        return timed
    near = timed.join_asof(changes, on="at", strategy="nearest")
    return near.filter((pl.col("at") - pl.col("changed")).abs() > BLUR).drop("changed")
