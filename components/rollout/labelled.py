"""Losses: what predictions cost, once the outcomes are known."""

from datetime import timedelta

import polars as pl

from components.rollout.placed import KEY, Seen, each
from components.rollout.plan import LABELLED, Metric, Plan

WARNING = (
    "outcomes count as they come: where good and bad ones take differently long, this favours a model that errs "
    "towards those that come first; set mature_after_hours to the time by which nearly all are known"
)


def losses(plan: Plan, seen: Seen, rows: pl.DataFrame, value: pl.Expr, *also: str) -> pl.DataFrame:
    """Make one loss of each request whose outcome counts.

    With ``mature_after_hours`` those count that came so long ago, all of them at once and in the order in which they
    came, each by the rows whose outcome is known: how fast an outcome became known then makes no difference. Without it
    a request counts once all of its rows have an outcome, in the order in which that came about.

    Args:
        plan: says how long outcomes take.
        seen: has the outcomes.
        rows: request_id, row, ``at`` (the request's time), and what ``value`` needs besides ``label``.
        value: of a row.
        also: columns that all rows of a request share.

    Returns:
        Columns request_id, value, and those of ``also``.
    """
    known = seen.outcomes.join(rows, on=KEY, how="inner", maintain_order="left")
    if plan.mature_after_hours is not None:
        mature = seen.now - timedelta(hours=plan.mature_after_hours)
        return each(known.filter(pl.col("at") <= mature).sort("at", maintain_order=True), value, *also)
    logged = seen.predictions.select(KEY).join(known, on="request_id", how="semi").unique()
    all_rows = logged.group_by("request_id").agg(rows=pl.len())
    place = known.with_row_index("place").join(all_rows, on="request_id", maintain_order="left")
    complete = place.with_columns(found=pl.len().over("request_id"), last=pl.col("place").max().over("request_id"))
    return each(complete.filter(pl.col("found") == pl.col("rows")).sort("last", "place"), value, *also)


def loss(metric: Metric, probability: pl.Expr) -> pl.Expr:
    """Return the loss of a probability, given the column ``label``."""
    label = pl.col("label").cast(pl.Float64)
    if metric.name == "brier":
        return (probability - label) ** 2
    p = probability.clip(metric.clip, 1 - metric.clip)
    return -(label * p.log() + (1 - label) * (-p).log1p())


def warning(plan: Plan, metric: Metric) -> str:
    """Say what a plan leaves open about outcomes; empty when nothing."""
    if metric.name not in LABELLED:
        return ""
    if plan.mature_after_hours is None:
        return WARNING
    if plan.mature_after_hours >= plan.maximum_hours:
        return f"no outcome can count: they mature after {plan.mature_after_hours:g} hours, and the rollout ends before"
    return ""
