"""From logs to samples: who was drawn, by which weight, and what the two models would have lost."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from components.rollout.analysis import analyse
from components.rollout.measure import BLUR, GRACE, Seen, answered, failures, measure, notes, uneven
from components.rollout.plan import Metric, Plan
from components.rollout.rescore import SCORES
from components.rollout.samples import Paired, TwoArm
from tests.rollout.drawn import OUTCOMES, START, left, line, plan, predictions, requests, seen

ERRORS = Metric(name="error_rate", margin=0.01)
LOSS = Metric(name="log_loss", margin=0.0)


def test_a_rescued_request_counts_against_the_variant_it_was_drawn_for() -> None:
    found = seen([line(1), line(2, "candidate"), line(3, "candidate", answered="stable", attempts=2)])
    _, samples = measure(plan(ERRORS), found)
    sample = samples["error_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.candidate.tolist() == [False, True, True]
    assert sample.share.tolist() == [0.2, 0.2, 0.2]
    assert sample.value.tolist() == [0.0, 0.0, 1.0]
    assert failures(plan(ERRORS), found) == 1
    assert answered(plan(ERRORS), found) == {"candidate": 2, "stable": 1}


def test_a_variant_that_was_never_drawn_is_left_out_rather_than_zero() -> None:
    assert answered(plan(ERRORS), seen([line(1)])) == {"stable": 1}
    assert answered(plan(ERRORS), seen()) == {}


def test_slow_requests_are_those_above_the_plans_time() -> None:
    metric = Metric(name="latency", above_ms=50, tolerated=0.01, margin=0.05)
    found = seen([line(1, duration_us=50_000), line(2, "candidate", duration_us=50_100)])
    sample = measure(plan(metric), found)[1]["latency"]
    assert isinstance(sample, TwoArm)
    assert sample.value.tolist() == [0.0, 1.0]


def test_a_metric_without_data_has_no_sample() -> None:
    specs, samples = measure(plan(ERRORS, LOSS), seen())
    assert samples == {}
    assert [s.name for s in specs] == ["error_rate", "log_loss"]


def test_a_logged_row_gets_the_weight_in_force_at_its_time() -> None:
    drawn = [line(t, candidate=5) for t in range(10)] + [line(t, candidate=25) for t in range(10, 20)]
    rows = predictions((3, "a", "stable", 0.1), (10, "b", "candidate", 0.9), (15, "c", "candidate", 0.9))
    sample = measure(plan(Metric(name="outlier_rate", margin=0.1)), seen(drawn, rows))[1]["outlier_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.share.tolist() == [0.05, 0.25], f"a row within {BLUR} of the change has to be left out"
    assert sample.candidate.tolist() == [False, True]
    assert sample.value.tolist() == [0.0, 1.0]


def test_a_key_that_stays_where_it_was_is_no_second_draw() -> None:
    records = [
        line(1, "candidate", key="a", request_id="1"),
        line(2, "candidate", key="a", request_id="2"),
        line(3, key="b", request_id="3"),
        line(4, key="b", request_id="4", candidate=60),
        line(5, request_id="5"),
        line(6, request_id="6"),
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
    sample = measure(plan(LOSS), seen([line(1)], rows, {"b": 0, "a": 0, "unseen": 1}))[1]["log_loss"]
    assert isinstance(sample, TwoArm)
    assert sample.value == pytest.approx([-np.log(0.1), -np.log(0.9)])


def test_one_answer_cannot_lose_more_than_the_bound() -> None:
    rows = predictions((1, "a", "stable", 0.0), (2, "b", "candidate", 1.0))
    sample = measure(plan(LOSS), seen([line(1)], rows, {"a": 1, "b": 0}))[1]["log_loss"]
    assert isinstance(sample, TwoArm)
    assert sample.value == pytest.approx([LOSS.bound, LOSS.bound])


def test_rescored_losses_are_pairs_whoever_answered() -> None:
    again = pl.DataFrame({"request_id": ["a"], "row": [0], "stable": [0.2], "candidate": [0.1]}, schema=SCORES)
    rows = predictions((1, "a", "stable", 0.2))
    specs, samples = measure(plan(LOSS, rescore=True), seen(rows=rows, labels={"a": 0}, rescored=again))
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


def harm(p: Plan, found: Seen) -> float:
    """The largest e-value for harm."""
    specs, samples = measure(p, found)
    return max(e.e_harm for e in analyse(specs, samples, p.alpha).values())


LATENCY = Metric(name="latency", above_ms=50, tolerated=0.01, margin=0.05)


def test_requests_that_clients_give_up_on_are_bad_and_slow_and_no_certain_failure() -> None:
    found = seen([line(1), left(2, "candidate", waited_ms=60), left(3, "candidate", waited_ms=40)])
    _, samples = measure(plan(ERRORS, LATENCY), found)
    errors, slow = samples["error_rate"], samples["latency"]
    assert isinstance(errors, TwoArm)
    assert isinstance(slow, TwoArm)
    assert errors.value.tolist() == [0.0, 1.0, 1.0]
    assert slow.value.tolist() == [0.0, 1.0, 0.0]
    assert failures(plan(ERRORS), found) == 0
    assert answered(plan(ERRORS), found) == {"candidate": 2, "stable": 1}


def traffic(n: int, seed: int, ours: dict[str, Any], theirs: dict[str, Any], rate: float) -> list[dict[str, Any]]:
    """n requests, half of them the candidate's; some of each variant's end otherwise."""
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(n):
        side, odd = ("candidate", ours) if rng.random() < 0.5 else ("stable", theirs)
        lines.append(line(i / 100, side, candidate=50, **(odd if rng.random() < rate else {})))
    return lines


HANGS = {"status": 0, "flags": "DC", "duration_us": None, "waited_ms": 2000}


@pytest.mark.parametrize("odd", [HANGS, {"status": 422}, {"status": 404}])
def test_a_candidate_that_clients_leave_or_that_answers_4xx_does_harm(odd: dict[str, Any]) -> None:
    assert harm(plan(ERRORS), seen(traffic(600, 1, odd, {}, 0.3))) > 1e4
    # What clients do themselves falls on both alike.
    assert max(harm(plan(ERRORS), seen(traffic(600, seed, odd, odd, 0.3))) for seed in range(12)) < 40


def test_a_burst_that_hits_both_is_not_the_slower_ones_harm() -> None:
    """In bursts all requests fail; the candidate's part of each burst ends after the stable model's."""

    def bursts(seed: int) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)
        lines = []
        for i in range(2000):
            side = "candidate" if rng.random() < 0.5 else "stable"
            status, slow = (503 if i % 200 < 10 else 200), (1000 if side == "candidate" else 1)
            lines.append(line(i / 100, side, candidate=50, status=status, duration_us=slow * 1000, waited_ms=slow))
        return sorted(lines, key=lambda r: float(r["at"]) + r["waited_ms"] / 1000)

    assert max(harm(plan(ERRORS), seen(bursts(seed))) for seed in range(12)) < 40
    found = seen(bursts(0)).requests
    assert found["at"].is_sorted()


def test_rows_that_come_together_are_one_draw() -> None:
    """Requests of 20 rows that are alike: by rows, chance looks like certainty."""

    def batches(seed: int) -> Seen:
        rng = np.random.default_rng(seed)
        n, rows = 100, 20
        sides = np.where(rng.random(n) < 0.5, "candidate", "stable")
        odd = np.repeat(rng.random(n) < 0.3, rows)
        frame = predictions(*((i / 10, f"x{i / 10}", str(sides[i]), 0.5) for i in range(n)))
        many = pl.concat([frame.with_columns(row=pl.lit(r, pl.Int64())) for r in range(rows)]).sort("at", "row")
        drawn = [line(i / 10, str(sides[i]), candidate=50) for i in range(n)]
        return seen(drawn, many.with_columns(outlier=pl.Series(odd), probability=pl.Series(np.where(odd, 0.9, 0.1))))

    metric = Metric(name="outlier_rate", margin=0.1)
    sample = measure(plan(metric), batches(0))[1]["outlier_rate"]
    assert isinstance(sample, TwoArm)
    assert len(sample.value) == 100
    assert max(harm(plan(metric), batches(seed)) for seed in range(15)) < 40


def test_who_was_drawn_counts_and_not_who_answered() -> None:
    """Row b was drawn for the candidate and rescued; the stable model's own second try is left out as well."""
    drawn = [
        line(1, "candidate", request_id="a"),
        line(2, "candidate", request_id="b", answered="stable", attempts=2),
        line(3, "stable", request_id="c", attempts=2),
        line(4, "stable", request_id="d"),
    ]
    rows = predictions((1, "a", "candidate", 0.9), (2, "b", "stable", 0.9), (3, "c", "stable", 0.9),
                       (4, "d", "stable", 0.1))  # fmt: skip
    sample = measure(plan(Metric(name="outlier_rate", margin=0.1)), seen(drawn, rows))[1]["outlier_rate"]
    assert isinstance(sample, TwoArm)
    assert sample.candidate.tolist() == [True, False]
    assert sample.value.tolist() == [1.0, 0.0]


def test_a_log_that_holds_more_of_one_variant_is_not_compared_and_says_why() -> None:
    drawn = [line(i / 10, "candidate" if i % 2 else "stable", candidate=50) for i in range(500)]
    logged = [(i / 10, f"x{i / 10}", "candidate" if i % 2 else "stable", 0.1) for i in range(500)]
    metric = Metric(name="outlier_rate", margin=0.1)
    assert "outlier_rate" in measure(plan(metric), seen(drawn, predictions(*logged)))[1]
    fewer = seen(drawn, predictions(*(r for i, r in enumerate(logged) if i % 2 or i % 10 == 0)))
    assert measure(plan(metric), fewer)[1] == {}
    assert uneven(fewer).startswith("the prediction log holds 100% of the candidate's requests and 20%")


def test_requests_that_share_an_id_are_counted_and_told() -> None:
    rows = predictions(*((i, "same", "stable", 0.1) for i in range(1, 6)))
    metric = Metric(name="outlier_rate", margin=0.1)
    found = seen([line(i) for i in range(1, 6)], rows)
    assert notes(plan(metric, ERRORS), found) == {
        "outlier_rate": "4 logged rows came under an id that an earlier request had, and do not count"
    }
    assert notes(plan(metric), seen(rows=predictions((1, "a", "stable", 0.1)))) == {}
