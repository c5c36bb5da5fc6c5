"""Measuring: from logs and outcomes to the samples that the statistics take, metric by metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.rollout.access_log import Record
from components.rollout.plan import LABELLED, Metric, Plan
from components.rollout.samples import Kind, Measured, Paired, Sample, TwoArm
from components.rollout.statistics.sticky import share_given_past
from components.rollout.traffic import VARIANTS, Variant

GRACE = timedelta(seconds=5)
"""A copy that is not in the log so long after the original was is taken for failed."""

BLUR = timedelta(seconds=1)
"""Around a change of weights nobody can say for a logged row which weight it was drawn by: such rows are left out,
which depends on nothing but the time."""

KEY = ("request_id", "row")

REQUESTS = {
    "at": pl.Datetime("us", "UTC"),
    "request_id": pl.String(),
    "candidate": pl.Boolean(),
    "share": pl.Float64(),
    "failed": pl.Boolean(),
    "latency_ms": pl.Float64(),
}


@dataclass(frozen=True)
class Seen:
    """All that was seen since the rollout began.

    Args:
        requests: columns of ``REQUESTS``: what the proxy drew, in the order in which requests ended.
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


def requests(records: Sequence[Record], sticky: bool = False) -> pl.DataFrame:
    """Turn the proxy's records into the columns of ``REQUESTS``: calls of a model whose client waited.

    Args:
        records: in the order in which requests ended.
        sticky: assignment sticks to a key. Then ``share`` is the probability that is left, given where the key went
            before: a second request at the same weight is no draw, and gets 0 or 1.
    """
    rows = [r for r in records if r.inference and not r.gone and r.chosen is not None and r.share is not None]
    columns = {
        "at": [round(r.at * 1e6) for r in rows],
        "request_id": [r.request_id for r in rows],
        "candidate": [r.chosen == "candidate" for r in rows],
        "share": [(r.share or 0) / 100 for r in rows],
        "failed": [r.failed for r in rows],
        "latency_ms": [r.duration_ms for r in rows],
    }
    whole = {**REQUESTS, "at": pl.Int64()}
    frame = pl.DataFrame(columns, schema=whole)
    if sticky:
        # One without a key is drawn by itself: it has a key of its own.
        keys = np.array([f"k{r.key}" if r.key else f"n{i}" for i, r in enumerate(rows)], dtype=object)
        left = share_given_past(keys.astype(str), frame["candidate"].to_numpy(), frame["share"].to_numpy())
        frame = frame.with_columns(share=pl.Series(left, dtype=pl.Float64))
    return frame.with_columns(at=pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def measure(plan: Plan, seen: Seen) -> tuple[list[Measured], dict[str, Sample]]:
    """Make the sample of each metric of a plan.

    Where requests are copied (shadow, blue-green) both variants have answered the same ones, and every metric is a
    paired difference. Elsewhere requests are randomised: each row counts for the variant that it was drawn for, with
    the weight it was drawn by. Losses are paired there too where the plan says to rescore.

    Returns:
        The metrics as the statistics take them, and the samples by name; a metric without data has none.
    """
    samples = {m.name: (_copied if _mirrors(plan) else _drawn)(plan, m, seen) for m in plan.metrics}
    found: dict[str, Sample] = {name: sample for name, sample in samples.items() if sample is not None}
    return [_spec(m, found.get(m.name)) for m in plan.metrics], found


def answered(plan: Plan, seen: Seen) -> Mapping[Variant, int]:
    """Count the requests that were drawn for each variant, or copied to it and scored; one without any is left out."""
    if _mirrors(plan):
        counts = dict(seen.predictions.group_by("variant").agg(pl.col("request_id").n_unique()).iter_rows())
    else:
        ours = int(seen.requests["candidate"].sum())
        counts = {"candidate": ours, "stable": len(seen.requests) - ours}
    return {v: int(counts[v]) for v in VARIANTS if counts.get(v)}


def failures(plan: Plan, seen: Seen) -> int:
    """Count what the candidate has failed: drawn for it and not answered by it, or copied to it and not scored."""
    if _mirrors(plan):
        return int(_pairs(seen)["missing"].sum())
    return int(seen.requests.filter("candidate")["failed"].sum())


def _mirrors(plan: Plan) -> bool:
    return plan.strategy in ("shadow", "blue_green")


def _spec(metric: Metric, sample: Sample | None) -> Measured:
    kind: Kind = "mean" if metric.name in LABELLED else "proportion"
    if isinstance(sample, Paired):
        kind = "paired"
    return Measured(metric.name, kind, metric.tolerated, metric.margin, metric.bound)


def _drawn(plan: Plan, metric: Metric, seen: Seen) -> Sample | None:
    if metric.name == "error_rate":
        return _two_arm(seen.requests, seen.requests["failed"].cast(pl.Float64))
    if metric.name == "latency":
        timed = seen.requests.filter(pl.col("latency_ms").is_not_null())
        return _two_arm(timed, (timed["latency_ms"] > metric.above_ms).cast(pl.Float64))
    if metric.name == "outlier_rate":
        rows = _with_share(plan, seen.predictions.filter(pl.col("outlier").is_not_null()), seen.requests)
        return _two_arm(rows, rows["outlier"].cast(pl.Float64))
    if plan.rescore and plan.strategy != "bandit":  # a bandit goes by what each variant earned
        return _rescored(metric, seen)
    known = seen.outcomes.join(seen.predictions.unique(KEY, keep="first"), on=KEY, maintain_order="left")
    rows = _with_share(plan, known, seen.requests)
    return _two_arm(rows, pl.Series(_loss(metric, rows["probability"].to_numpy(), rows["label"].to_numpy())))


def _rescored(metric: Metric, seen: Seen) -> Sample | None:
    both = seen.outcomes.join(seen.rescored, on=KEY, maintain_order="left")
    label = both["label"].to_numpy()
    ours, theirs = both["candidate"].to_numpy(), both["stable"].to_numpy()
    return _paired(_loss(metric, ours, label) - _loss(metric, theirs, label))


def _copied(_: Plan, metric: Metric, seen: Seen) -> Sample | None:
    pairs = _pairs(seen)
    if metric.name == "error_rate":
        return _paired(pairs["missing"].cast(pl.Float64).to_numpy())
    whole = pairs.filter(~pl.col("missing"))
    if metric.name == "latency":
        slow = [(whole[name] > metric.above_ms).cast(pl.Float64) for name in ("latency_ms_candidate", "latency_ms")]
        return _paired((slow[0] - slow[1]).to_numpy())
    if metric.name == "outlier_rate":
        known = whole.drop_nulls(["outlier", "outlier_candidate"])
        return _paired((known["outlier_candidate"].cast(pl.Float64) - known["outlier"].cast(pl.Float64)).to_numpy())
    if metric.name == "disagreement":
        return _paired((whole["decision"] != whole["decision_candidate"]).cast(pl.Float64).to_numpy())
    if metric.name == "score_shift":
        return _paired((whole["probability"] - whole["probability_candidate"]).abs().to_numpy())
    known = seen.outcomes.join(whole, on=KEY, maintain_order="left")
    label = known["label"].to_numpy()
    ours = _loss(metric, known["probability_candidate"].to_numpy(), label)
    return _paired(ours - _loss(metric, known["probability"].to_numpy(), label))


def _pairs(seen: Seen) -> pl.DataFrame:
    """Put each row that the stable model scored beside its copy, in the order of the log."""
    rows = {
        v: seen.predictions.filter(pl.col("variant") == v).unique(KEY, keep="first", maintain_order=True)
        for v in ("stable", "candidate")
    }
    copies = rows["candidate"].drop("variant", "at").with_columns(missing=pl.lit(False))
    pairs = rows["stable"].join(copies, on=KEY, how="left", suffix="_candidate", maintain_order="left")
    # A copy may be on its way: only its absence after a while says something.
    waiting = pl.col("missing").is_null() & (pl.col("at") > seen.now - GRACE)
    return pairs.filter(~waiting).with_columns(pl.col("missing").fill_null(True))


def _with_share(plan: Plan, rows: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Add to logged rows the probability that they were drawn by, and which variant they were scored by.

    That is the weight in force at their time. Where keys stick, the log does not know the key, so rows are found in
    the proxy's log by the request's id: clients there send no id in the body, or the same as in ``x-request-id``.
    """
    rows = rows.with_columns(candidate=pl.col("variant") == "candidate")
    if plan.sticky_header is not None:
        shares = drawn.select("request_id", "share").unique("request_id", keep="first")
        return rows.join(shares, on="request_id", maintain_order="left")
    by_time = drawn.sort("at").select("at", "share")
    changes = by_time.filter(pl.col("share") != pl.col("share").shift(1)).select("at", changed="at")
    timed = rows.with_row_index("place").sort("at").join_asof(by_time, on="at", strategy="nearest")
    if len(changes):
        near = timed.join_asof(changes, on="at", strategy="nearest")
        timed = near.filter((pl.col("at") - pl.col("changed")).abs() > BLUR).drop("changed")
    return timed.sort("place").drop_nulls("share")


def _two_arm(rows: pl.DataFrame, value: pl.Series) -> Sample | None:
    if rows.is_empty():
        return None
    return TwoArm(rows["candidate"].to_numpy(), rows["share"].to_numpy(), value.to_numpy())


def _paired(difference: FloatArray) -> Sample | None:
    return Paired(difference) if len(difference) else None


def _loss(metric: Metric, probability: FloatArray, label: FloatArray) -> FloatArray:
    if metric.name == "brier":
        return (probability - label) ** 2
    p = np.clip(probability, metric.clip, 1 - metric.clip)
    return -(label * np.log(p) + (1 - label) * np.log1p(-p))
