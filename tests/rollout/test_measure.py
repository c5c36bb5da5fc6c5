"""From logs to samples: who was drawn, by which weight, and what the two models would have lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from components.rollout.access_log import Record
from components.rollout.measure import BLUR, GRACE, Seen, answered, failures, measure, requests
from components.rollout.plan import Metric, Plan
from components.rollout.rescore import SCORES
from components.rollout.samples import Paired, TwoArm

START = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = {"request_id": pl.String(), "row": pl.Int64(), "label": pl.Int64()}


def plan(*metrics: Metric, strategy: str = "canary", **more: Any) -> Plan:
    steps = ({"weight": 20},) if strategy == "canary" else ()
    return Plan.model_validate(
        {"name": "p", "strategy": strategy, "use_case": "sba_loans", "metrics": metrics, "steps": steps, **more}
    )


def record(at: float, chosen: str | None = "stable", **changes: Any) -> Record:
    values: dict[str, Any] = {
        "at": START.timestamp() + at, "request_id": "r", "method": "POST", "path": "/v2/models/m/infer",
        "chosen": chosen, "answered": chosen, "share": 20, "mirror": None, "status": 200, "flags": "-", "details": "",
        "duration_ms": 3.0, "attempts": 1, "bytes_in": 1, "bytes_out": 1,
    }  # fmt: skip
    return Record(**{**values, **changes})


def predictions(*rows: tuple[float, str, str, float]) -> pl.DataFrame:
    """Rows of (seconds after the start, request id, variant, probability)."""
    return pl.DataFrame(
        {
            "at": [START + timedelta(seconds=r[0]) for r in rows],
            "request_id": [r[1] for r in rows],
            "row": [0] * len(rows),
            "variant": [r[2] for r in rows],
            "probability": [r[3] for r in rows],
            "decision": [int(r[3] >= 0.5) for r in rows],
            "outlier": [r[3] > 0.8 for r in rows],
            "latency_ms": [100.0 if r[2] == "candidate" else 1.0 for r in rows],
        },
        schema_overrides={
            "at": pl.Datetime("us", "UTC"),
            "request_id": pl.String(),
            "row": pl.Int64(),
            "variant": pl.String(),
            "probability": pl.Float64(),
            "outlier": pl.Boolean(),
        },
    )


def seen(records: list[Record] = [], rows: pl.DataFrame | None = None, labels: dict[str, int] | None = None,  # noqa: B006
         rescored: pl.DataFrame | None = None, now: float = 60.0) -> Seen:  # fmt: skip
    known = pl.DataFrame(
        {"request_id": list(labels or {}), "row": [0] * len(labels or {}), "label": list((labels or {}).values())},
        schema=OUTCOMES,
    )
    frame = predictions() if rows is None else rows
    again = pl.DataFrame(schema=SCORES) if rescored is None else rescored
    return Seen(requests(records), frame, known, again, START + timedelta(seconds=now))


ERRORS = Metric(name="error_rate", margin=0.01)
LOSS = Metric(name="log_loss", margin=0.0)


def test_only_calls_of_a_model_whose_client_waited_are_requests() -> None:
    frame = requests([
        record(1),
        record(2, path="/metrics", method="GET"),
        record(3, status=0, flags="DC"),
        record(4, chosen=None, share=None),
    ])  # fmt: skip
    assert frame["at"].to_list() == [START + timedelta(seconds=1)]


def test_a_rescued_request_counts_against_the_variant_it_was_drawn_for() -> None:
    found = seen([record(1), record(2, "candidate"), record(3, "candidate", answered="stable", attempts=2)])
    _, samples = measure(plan(ERRORS), found)
    sample = samples["error_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.candidate.tolist() == [False, True, True]
    assert sample.share.tolist() == [0.2, 0.2, 0.2]
    assert sample.value.tolist() == [0.0, 0.0, 1.0]
    assert failures(plan(ERRORS), found) == 1
    assert answered(plan(ERRORS), found) == {"candidate": 2, "stable": 1}


def test_a_variant_that_was_never_drawn_is_left_out_rather_than_zero() -> None:
    assert answered(plan(ERRORS), seen([record(1)])) == {"stable": 1}
    assert answered(plan(ERRORS), seen()) == {}


def test_slow_requests_are_those_above_the_plans_time() -> None:
    metric = Metric(name="latency", above_ms=50, tolerated=0.01, margin=0.05)
    found = seen([record(1, duration_ms=50.0), record(2, "candidate", duration_ms=50.1)])
    sample = measure(plan(metric), found)[1]["latency"]
    assert isinstance(sample, TwoArm)
    assert sample.value.tolist() == [0.0, 1.0]


def test_a_metric_without_data_has_no_sample() -> None:
    specs, samples = measure(plan(ERRORS, LOSS), seen())
    assert samples == {}
    assert [s.name for s in specs] == ["error_rate", "log_loss"]


def test_a_logged_row_gets_the_weight_in_force_at_its_time() -> None:
    drawn = [record(t, share=5) for t in range(10)] + [record(t, share=25) for t in range(10, 20)]
    rows = predictions((3, "a", "stable", 0.1), (10, "b", "candidate", 0.9), (15, "c", "candidate", 0.9))
    sample = measure(plan(Metric(name="outlier_rate", margin=0.1)), seen(drawn, rows))[1]["outlier_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.share.tolist() == [0.05, 0.25], f"a row within {BLUR} of the change has to be left out"
    assert sample.candidate.tolist() == [False, True]
    assert sample.value.tolist() == [0.0, 1.0]


def test_a_key_that_stays_where_it_was_is_no_second_draw() -> None:
    records = [
        record(1, "candidate", key="a", request_id="1"),
        record(2, "candidate", key="a", request_id="2"),
        record(3, key="b", request_id="3"),
        record(4, key="b", request_id="4", share=60),
        record(5, request_id="5"),
        record(6, request_id="6"),
    ]
    drawn = requests(records, sticky=True)
    assert drawn["share"].to_list() == pytest.approx([0.2, 1.0, 0.2, 0.5, 0.2, 0.2])
    rows = predictions((2, "2", "candidate", 0.9), (3, "3", "stable", 0.1), (4, "elsewhere", "stable", 0.1))
    found = Seen(drawn, rows, pl.DataFrame(schema=OUTCOMES), pl.DataFrame(schema=SCORES), START)
    metric = Metric(name="outlier_rate", margin=0.1)
    sample = measure(plan(metric, sticky_header="x-key"), found)[1]["outlier_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.share.tolist() == [1.0, 0.2]


def test_losses_come_in_the_order_of_the_outcomes() -> None:
    rows = predictions((1, "a", "stable", 0.1), (2, "b", "candidate", 0.9))
    sample = measure(plan(LOSS), seen([record(1)], rows, {"b": 0, "a": 0, "unseen": 1}))[1]["log_loss"]
    assert isinstance(sample, TwoArm)
    assert sample.value == pytest.approx([-np.log(0.1), -np.log(0.9)])


def test_one_answer_cannot_lose_more_than_the_bound() -> None:
    rows = predictions((1, "a", "stable", 0.0), (2, "b", "candidate", 1.0))
    sample = measure(plan(LOSS), seen([record(1)], rows, {"a": 1, "b": 0}))[1]["log_loss"]
    assert isinstance(sample, TwoArm)
    assert sample.value == pytest.approx([LOSS.bound, LOSS.bound])


def test_rescored_losses_are_pairs_whoever_answered() -> None:
    again = pl.DataFrame({"request_id": ["a"], "row": [0], "stable": [0.2], "candidate": [0.1]}, schema=SCORES)
    specs, samples = measure(plan(LOSS, rescore=True), seen(labels={"a": 0}, rescored=again))
    sample = samples["log_loss"]
    assert isinstance(sample, Paired)
    assert specs[0].kind == "paired"
    assert sample.difference == pytest.approx([np.log(0.8) - np.log(0.9)])


def shadow(*metrics: Metric) -> Plan:
    return plan(*metrics, strategy="shadow")


def test_copies_are_compared_pair_by_pair() -> None:
    names = ("disagreement", "score_shift", "outlier_rate", "error_rate", "brier")
    metrics = [Metric(name=name, margin=0.1) for name in names] + [Metric(name="latency", above_ms=50, margin=0.1)]  # type: ignore[arg-type]
    rows = predictions((1, "a", "stable", 0.4), (1, "a", "candidate", 0.9), (2, "b", "stable", 0.4))
    _, samples = measure(shadow(*metrics), seen(rows=rows, labels={"a": 1}))
    found = {name: s.difference.tolist() for name, s in samples.items() if isinstance(s, Paired)}
    assert found["disagreement"] == [1.0]
    assert found["score_shift"] == pytest.approx([0.5])
    assert found["outlier_rate"] == [1.0]
    assert found["latency"] == [1.0]
    assert found["error_rate"] == [0.0, 1.0]
    assert found["brier"] == pytest.approx([0.01 - 0.36])
    assert failures(shadow(*metrics), seen(rows=rows)) == 1
    assert answered(shadow(*metrics), seen(rows=rows)) == {"stable": 2, "candidate": 1}


def test_a_copy_that_may_still_be_on_its_way_is_waited_for() -> None:
    rows = predictions((1, "a", "stable", 0.4))
    soon, late = 1 + GRACE.total_seconds() / 2, 1 + 2 * GRACE.total_seconds()
    assert failures(shadow(ERRORS), seen(rows=rows, now=soon)) == 0
    assert failures(shadow(ERRORS), seen(rows=rows, now=late)) == 1
