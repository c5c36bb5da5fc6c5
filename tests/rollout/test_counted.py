from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from components.rollout.counted import MOST_ROWS, Counted
from components.rollout.model_rollout import Sources
from components.rollout.plan import Metric
from tests.rollout.looks import plan

START = 1_000_000
METRICS = (Metric(name="error_rate", margin=0.02), Metric(name="latency", above_ms=50), Metric(name="outlier_rate"))


def at(seconds):
    return datetime.fromtimestamp(START, UTC) + timedelta(seconds=seconds)


def counted(weights=((0, 20),), **changes):
    sources = Sources(prometheus="http://p", step_seconds=10, scrape_seconds=10, settle_seconds=5)
    of = plan(metrics=METRICS, **changes)
    return Counted(of, START, sources, lambda: [(at(seconds), weight) for seconds, weight in weights])


def fill(made, n, stable, candidate, **other):
    for variant, status in (("stable", stable), ("candidate", candidate)):
        made.add(variant, "status", [status] * n)
        for counter in ("fast", "timed", "rows", "outliers"):
            made.add(variant, counter, [{counter: other.get(counter, 0)}] * n)
    return made


def test_counts_become_as_many_requests():
    made = fill(counted(), 6, {"answered": 80}, {"answered": 15, "failed": 5}, timed=20, fast=17)
    frame = made.requests()
    ours = frame.filter("candidate")
    assert (len(frame), len(ours), ours["failed"].sum()) == (600, 120, 30)
    slow = made.latency()["latency"]
    assert (len(slow.value), slow.value[slow.candidate].sum(), slow.value[~slow.candidate].sum()) == (240, 18, 18)
    assert made.answered() == {"stable": 480, "candidate": 120}
    assert made.failures() == 30
    assert frame["at"].is_sorted()


def test_an_interval_with_a_change_proves_nothing_but_counts():
    made = fill(counted(((2, 20), (61, 50))), 10, {"answered": 8}, {"answered": 2})
    frame = made.requests()
    shares = [sorted(set(frame["share"][i : i + 10].to_list())) for i in range(0, 100, 10)]
    known = {i: share[0] for i, share in enumerate(shares) if share[0] == share[-1]}
    # A counter's increment is up to a scrape old, and the gateway needs a while to follow.
    assert known == {2: 0.2, 3: 0.2, 4: 0.2, 5: 0.2, 8: 0.5, 9: 0.5}
    torn = frame.filter(frame["share"].is_in([0.0, 1.0]))
    assert (torn["share"] == torn["candidate"].cast(float)).all()
    assert len(frame) == 100


def test_rows_stay_as_they_were_at_the_next_look():
    made, whole = counted(), fill(counted(), 4, {"answered": 30}, {"answered": 5, "failed": 5})
    first = fill(made, 2, {"answered": 30}, {"answered": 5, "failed": 5}).requests()
    second = fill(made, 2, {"answered": 30}, {"answered": 5, "failed": 5}).requests()
    assert second.head(len(first)).equals(first)
    assert second.equals(whole.requests())


def test_the_order_depends_on_how_many_there_are_and_on_nothing_else():
    healthy = fill(counted(), 5, {"answered": 30}, {"answered": 10}).requests()
    broken = fill(counted(), 5, {"answered": 15, "failed": 15}, {"failed": 10}).requests()
    assert healthy["candidate"].equals(broken["candidate"])


def test_failures_are_spread_over_an_interval():
    frame = fill(counted(), 200, {"answered": 50}, {"answered": 25, "failed": 25}).requests().filter("candidate")
    early = frame.filter(frame["at"].dt.second() % 10 < 5)
    assert early["failed"].mean() == pytest.approx(0.5, abs=0.03)


def test_only_intervals_that_all_counters_have_are_taken():
    made = counted()
    made.add("stable", "status", [{"answered": 5}] * 3)
    made.add("candidate", "status", [{"answered": 5}])
    assert len(made.requests()) == 10


def test_a_busy_rollout_is_thinned_by_chance_and_counted_whole():
    made = fill(counted(maximum_hours=1000.0), 3, {"answered": 8000}, {"answered": 1000, "failed": 1000})
    frame = made.requests()
    most = int(MOST_ROWS / (1000 * 360))
    assert len(frame) == 3 * max(20, most)
    assert made.answered() == {"stable": 24_000, "candidate": 6_000}
    assert made.failures() == 3000


def test_outliers_need_a_detector_on_both_sides():
    made = fill(counted(), 20, {"answered": 10}, {"answered": 10}, rows=10, outliers=3)
    made.requests()
    sample = made.outliers()["outlier_rate"]
    assert (len(sample.value), sample.value.sum(), sample.candidate.sum()) == (400, 120, 200)
    assert set(np.unique(sample.share)) == {0.0, 0.2, 1.0}
    bare = counted()
    bare.add("stable", "status", [{}])
    bare.add("candidate", "status", [{}])
    bare.requests()
    assert bare.outliers() == {}
