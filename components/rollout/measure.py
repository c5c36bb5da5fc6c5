"""Measuring: from logs and outcomes to the samples that the statistics take, metric by metric."""

from collections.abc import Mapping

import polars as pl

from components.rollout.labelled import loss, losses, warning
from components.rollout.mirrored import GRACE, copied, paired, pairs
from components.rollout.placed import BLUR, KEY, Seen, duplicates, each, placed
from components.rollout.plan import LABELLED, Metric, Plan
from components.rollout.proxied import REQUESTS
from components.rollout.samples import Kind, Measured, Sample, TwoArm
from components.rollout.traffic import VARIANTS, Variant

__all__ = ["BLUR", "GRACE", "KEY", "REQUESTS", "Seen", "answered", "failures", "measure", "notes"]

ENOUGH = 200
"""Requests of each variant from which on it is said that the log has more of one than of the other."""

UNEVEN = 0.2
"""So much less of one variant's requests than of the other's may the prediction log hold."""

LOGGED = ("outlier_rate", *LABELLED)
"""Metrics of randomised requests that are taken from the prediction log."""


def measure(plan: Plan, seen: Seen) -> tuple[list[Measured], dict[str, Sample]]:
    """Make the sample of each metric of a plan: one value for each request.

    Where requests are copied (shadow, blue-green) both variants have answered the same ones, and every metric is a
    paired difference. Elsewhere requests are randomised: each counts for the variant that it was drawn for, with the
    weight it was drawn by. Losses are paired there too where the plan says to rescore.

    Returns:
        The metrics as the statistics take them, and the samples by name; a metric without data has none.
    """
    samples = {m.name: (copied if mirrors(plan) else _drawn)(plan, m, seen) for m in plan.metrics}
    found: dict[str, Sample] = {name: sample for name, sample in samples.items() if sample is not None}
    return [_spec(plan, m) for m in plan.metrics], found


def answered(plan: Plan, seen: Seen) -> Mapping[Variant, int]:
    """Count the requests that were drawn for each variant, or copied to it and scored; one without any is left out."""
    if mirrors(plan):
        counts = dict(seen.predictions.group_by("variant").agg(pl.col("request_id").n_unique()).iter_rows())
    else:
        ours = int(seen.requests["candidate"].sum())
        counts = {"candidate": ours, "stable": len(seen.requests) - ours}
    return {v: int(counts[v]) for v in VARIANTS if counts.get(v)}


def failures(plan: Plan, seen: Seen) -> int:
    """Count what the candidate has failed for certain: drawn for it and not answered by it, or copied and not scored.

    What may be a client's own doing (4xx, and clients that leave) is compared between the variants, and not counted
    here, where there is nothing to compare with.
    """
    if mirrors(plan):
        return int(each(pairs(seen).filter("missing"), pl.lit(1.0)).height)
    return int(seen.requests.filter("candidate")["broken"].sum())


def notes(plan: Plan, seen: Seen) -> dict[str, str]:
    """Say what is to be known of metrics beside their numbers; empty where there is nothing to say."""
    same = duplicates(seen.predictions)
    twice = f"{same} logged rows came under an id that an earlier request had, and do not count" if same else ""
    from_log = set(LOGGED) if not mirrors(plan) else {m.name for m in plan.metrics}
    said = {m.name: (warning(plan, m), twice if m.name in from_log else "") for m in plan.metrics}
    return {name: "; ".join(part for part in parts if part) for name, parts in said.items() if any(parts)}


def uneven(seen: Seen) -> str:
    """Say so when the prediction log holds more of one variant's requests than of the other's; empty when it does not.

    What is logged then depends on the draw, and the weights are no longer the chances of what is in the log.
    """
    good = seen.requests.filter(pl.col("settled") & ~pl.col("failed"))
    ours = int(good["candidate"].sum())
    drawn = {"candidate": ours, "stable": len(good) - ours}
    if min(drawn.values()) < ENOUGH:
        return ""
    counts = dict(seen.predictions.group_by("variant").agg(pl.col("request_id").n_unique()).iter_rows())
    held = {v: counts.get(v, 0) / drawn[v] for v in VARIANTS}
    if min(held.values()) >= (1 - UNEVEN) * max(held.values()):
        return ""
    return (
        f"the prediction log holds {held['candidate']:.0%} of the candidate's requests and {held['stable']:.0%} of the "
        "stable model's: give both servers the same sampling rate, and each request an id of its own"
    )


def mirrors(plan: Plan) -> bool:
    """Say whether requests are copied."""
    return plan.strategy in ("shadow", "blue_green")


def _spec(plan: Plan, metric: Metric) -> Measured:
    # Shares of a request's rows are no longer 0 or 1.
    kind: Kind = "mean" if metric.name in LOGGED else "proportion"
    if mirrors(plan) or (metric.name in LABELLED and _rescores(plan)):
        kind = "paired"
    return Measured(metric.name, kind, metric.tolerated, metric.margin, metric.bound)


def _rescores(plan: Plan) -> bool:
    return plan.rescore and plan.strategy != "bandit"  # a bandit goes by what each variant earned


def _drawn(plan: Plan, metric: Metric, seen: Seen) -> Sample | None:
    settled = seen.requests.filter("settled")
    if metric.name == "error_rate":
        return _two_arm(settled.with_columns(value=pl.col("failed").cast(pl.Float64)))
    if metric.name == "latency":
        timed = settled.filter(pl.col("latency_ms").is_not_null())
        return _two_arm(timed.with_columns(value=(pl.col("latency_ms") > metric.above_ms).cast(pl.Float64)))
    if metric.name in LABELLED and _rescores(plan):
        times = seen.predictions.unique(KEY, keep="first").select(*KEY, "at")
        rows = seen.rescored.join(times, on=KEY, maintain_order="left")
        lost = loss(metric, pl.col("candidate")) - loss(metric, pl.col("stable"))
        return paired(losses(plan, seen, rows, lost))
    if uneven(seen):
        return None
    rows = _by_draw(seen)
    if metric.name == "outlier_rate":
        flagged = rows.filter(pl.col("outlier").is_not_null())
        return _two_arm(each(flagged, pl.col("outlier"), "candidate", "share"))
    return _two_arm(losses(plan, seen, rows, loss(metric, pl.col("probability")), "candidate", "share"))


def _by_draw(seen: Seen) -> pl.DataFrame:
    """Return rows that were scored by the variant that was drawn, at the first try.

    A row that the other variant stepped in for is left out on both sides, where the stable model stepped in for itself
    too: which requests need it depends on them, and not on who was drawn, unless one variant fails more of them; and
    that is what ``error_rate`` is for.
    """
    rows = placed(seen.predictions, seen.requests, seen.now)
    first_try = ~pl.col("rescued") & ((pl.col("variant") == "candidate") == pl.col("candidate"))
    return rows.filter(first_try).drop_nulls("share").unique(KEY, keep="first", maintain_order=True)


def _two_arm(rows: pl.DataFrame) -> Sample | None:
    if rows.is_empty():
        return None
    return TwoArm(rows["candidate"].to_numpy(), rows["share"].to_numpy(), rows["value"].to_numpy())
