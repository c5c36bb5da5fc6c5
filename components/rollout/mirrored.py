"""Pairs: requests that both variants were given, one of them as a copy."""

from datetime import timedelta

import polars as pl

from components.rollout.labelled import loss, losses
from components.rollout.placed import KEY, Seen, each, placed
from components.rollout.plan import Metric, Plan
from components.rollout.samples import Paired, Sample

GRACE = timedelta(seconds=5)
"""A copy that is not scored so long after the request came is taken for failed."""

_ANSWER = ("probability", "decision", "outlier", "latency_ms")

_ABOUT = ("arrived", "candidate", "mirror", "failed", "gone", "known")


def pairs(seen: Seen) -> pl.DataFrame:
    """Put what the stable model made of each row beside what the candidate made of it, in the order of arrival.

    Only requests of which the proxy says that they were copied count. Who answers the client has failed where the proxy
    says so, or where its row is missing; the other has failed where its row is missing. A request that its client gave
    up on is left out, for only one of the two was being waited for; one that was answered and is not in the log of who
    answered it as well, because the log is sampled or lost it.

    Returns:
        Columns request_id, row, at (arrival), missing, missing_stable, and probability, decision, outlier and
        latency_ms of both, the candidate's with ``_candidate``.
    """
    rows = placed(seen.predictions, seen.requests, seen.now)
    if seen.requests["request_id"].is_not_null().any():  # counters know neither ids nor copies
        rows = rows.filter(pl.col("mirror").is_not_null() & ~pl.col("gone"))
    rows = rows.filter(pl.col("arrived") <= seen.now - GRACE)
    first = rows.group_by(KEY, maintain_order=True).agg(pl.col(name).first() for name in _ABOUT)
    in_time = rows.filter(pl.col("at") <= pl.col("arrived").min().over(KEY) + GRACE).drop("share", "rescued", *_ABOUT)
    both = first
    for variant, suffix in (("stable", "_stable"), ("candidate", "_candidate")):
        mine = in_time.filter(pl.col("variant") == variant).drop("variant", "at").with_columns(there=True)
        both = both.join(mine.rename({c: c + suffix for c in mine.columns if c not in KEY}), on=KEY, how="left",
                         maintain_order="left")  # fmt: skip
    gone = {v: pl.col(f"there_{v}").is_null() for v in ("stable", "candidate")}
    ours = pl.col("known") & pl.col("candidate")
    theirs = pl.col("known") & ~pl.col("candidate")
    lost = ~pl.col("failed") & ((ours & gone["candidate"]) | (theirs & gone["stable"]))
    return both.filter(~lost).select(
        *KEY,
        at="arrived",
        missing=gone["candidate"] | (ours & pl.col("failed")),
        missing_stable=gone["stable"] | (theirs & pl.col("failed")),
        **{name: pl.col(f"{name}_stable") for name in _ANSWER},
        **{f"{name}_candidate": pl.col(f"{name}_candidate") for name in _ANSWER},
    )


def copied(plan: Plan, metric: Metric, seen: Seen) -> Sample | None:
    """Make the sample of a metric where requests are copied: candidate - stable, request by request."""
    found = pairs(seen)
    if metric.name == "error_rate":
        return paired(each(found, pl.col("missing").cast(pl.Int8) - pl.col("missing_stable").cast(pl.Int8)))
    whole = found.filter(~pl.col("missing") & ~pl.col("missing_stable"))
    ours, theirs = pl.col("probability_candidate"), pl.col("probability")
    if metric.name == "latency":
        slow = [(pl.col(name) > metric.above_ms).cast(pl.Int8) for name in ("latency_ms_candidate", "latency_ms")]
        return paired(each(whole.drop_nulls(["latency_ms", "latency_ms_candidate"]), slow[0] - slow[1]))
    if metric.name == "outlier_rate":
        known = whole.drop_nulls(["outlier", "outlier_candidate"])
        return paired(each(known, pl.col("outlier_candidate").cast(pl.Int8) - pl.col("outlier").cast(pl.Int8)))
    if metric.name == "disagreement":
        return paired(each(whole, pl.col("decision") != pl.col("decision_candidate")))
    if metric.name == "score_shift":
        return paired(each(whole, (theirs - ours).abs()))
    return paired(losses(plan, seen, whole, loss(metric, ours) - loss(metric, theirs)))


def paired(values: pl.DataFrame) -> Sample | None:
    """Take one difference per request as a sample; None where there is none."""
    return Paired(values["value"].to_numpy()) if len(values) else None
