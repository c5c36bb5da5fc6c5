import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from components.serving.score_metrics import BOUNDS, DISTINCT, FEW, ScoreMetrics
from tests.serving.logged import batch


def _collected(metrics):
    return {(s.name, tuple(s.labels.values())): s.value for family in metrics.collect() for s in family.samples}


@given(
    st.lists(st.lists(st.floats(0, 1, width=32) | st.sampled_from(BOUNDS), min_size=1, max_size=2 * FEW), max_size=5)
)
def test_scores_fall_into_the_buckets_of_the_library(batches):
    metrics = ScoreMetrics(["model"], ["m"])
    registry = CollectorRegistry()
    expected = Histogram("fairlead_score", "", ["model"], buckets=BOUNDS, registry=registry).labels("m")
    for scores in batches:
        metrics.add(batch(len(scores), probability=np.array(scores)))
        for score in scores:
            expected.observe(score)
    found = _collected(metrics)
    for family in registry.collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                assert found[sample.name, tuple(sample.labels.values())] == pytest.approx(sample.value)


def test_outliers_are_shown_where_there_is_a_detector():
    metrics = ScoreMetrics(["model"], ["m"])
    metrics.add(batch(3))
    assert ("fairlead_outliers_total", ("m",)) not in _collected(metrics)
    metrics.add(batch(3, outlier=np.array([False] * 3)))
    assert _collected(metrics)["fairlead_outliers_total", ("m",)] == 0
    metrics.add(batch(3, outlier=np.array([True, False, True])))
    assert _collected(metrics)["fairlead_outliers_total", ("m",)] == 2


def test_lookups_are_counted_by_entity_and_result():
    metrics = ScoreMetrics(["model"], ["m"])
    metrics.add(batch(3, lookups=["bank=found zip=missing", "bank=found zip=stale", "bank=found zip=missing"]))
    found = _collected(metrics)
    assert found["fairlead_lookups_total", ("m", "bank", "found")] == 3
    assert found["fairlead_lookups_total", ("m", "zip", "missing")] == 2
    assert found["fairlead_lookups_total", ("m", "zip", "stale")] == 1


def test_texts_about_lookups_do_not_grow_without_bound():
    metrics = ScoreMetrics(["model"], ["m"])
    for i in range(DISTINCT + 50):
        metrics.add(batch(1, lookups=[f"bank={i}"]))
    assert sum(name == "fairlead_lookups_total" for name, _ in _collected(metrics)) == DISTINCT


def test_many_threads_may_count_at_once():
    metrics = ScoreMetrics(["model"], ["m"])
    one, many = batch(1), batch(FEW + 1)
    threads = [
        threading.Thread(target=lambda: [(metrics.add(one), metrics.add(many)) for _ in range(300)]) for _ in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _collected(metrics)["fairlead_score_count", ("m",)] == 3 * 300 * (FEW + 2)
