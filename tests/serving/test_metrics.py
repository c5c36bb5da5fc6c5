import re
import shutil
import subprocess
import time
from itertools import pairwise

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from components.serving.limits import Limits
from components.serving.metrics import DISTINCT, LATENCIES, OTHER, WHO, Metrics
from components.serving.prediction_log import PredictionLog
from components.serving.watch import Watch
from tests.serving.logged import DEADLINE, FIELDS, Kept, batch

RESULTS = ("written", "dropped", "failed", "left_out")
ROUTE = "/v2/models/{name}/infer"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return Metrics("loans", "3", "canary", [f.name for f in FIELDS], registry)


@pytest.fixture
def busy(metrics):
    """Every metric has something to show."""
    metrics.in_flight.inc()
    metrics.answered(ROUTE, 200, 0.004, rows=2)
    metrics.answered(ROUTE, 400, 0.0002)
    metrics.violation("bank", "missing")
    metrics.scored(batch(2, outlier=np.array([True, False]), lookups=["bank=found", "bank=missing"]))
    log = PredictionLog([Kept()], "loans", "3", "canary", fields=FIELDS)
    metrics.watch(log)
    log.put(batch(3))
    log.close(DEADLINE)
    return metrics


def _value(registry, name, **labels):
    return registry.get_sample_value(name, {"model": "loans", "version": "3", "variant": "canary", **labels})


def test_what_was_answered_is_counted_by_route_and_status(busy, registry):
    assert _value(registry, "fairlead_requests_total", route=ROUTE, status="200") == 1
    assert _value(registry, "fairlead_requests_total", route=ROUTE, status="400") == 1
    assert _value(registry, "fairlead_rows_total") == 2
    name = "fairlead_request_duration_seconds"
    assert _value(registry, f"{name}_bucket", route=ROUTE, status="200", le="0.003") == 0
    assert _value(registry, f"{name}_bucket", route=ROUTE, status="200", le="0.004") == 1
    assert _value(registry, f"{name}_sum", route=ROUTE, status="400") == 0.0002
    assert _value(registry, "fairlead_requests_in_flight") == 1
    busy.in_flight.dec()
    assert _value(registry, "fairlead_requests_in_flight") == 0


def test_requests_under_way_can_be_asked_for_rather_than_told(metrics, registry):
    limits = Limits(max_body=1)
    Watch(metrics=metrics).in_flight(lambda: limits.in_flight)
    with limits.one_more(), limits.one_more():
        assert _value(registry, "fairlead_requests_in_flight") == 2
    assert _value(registry, "fairlead_requests_in_flight") == 0


@pytest.mark.usefixtures("busy")
def test_what_was_scored_and_what_became_of_the_log_is_shown(registry):
    assert _value(registry, "fairlead_score_count") == 2
    assert _value(registry, "fairlead_outliers_total") == 1
    assert _value(registry, "fairlead_lookups_total", entity="bank", result="missing") == 1
    assert _value(registry, "fairlead_contract_violations_total", field="bank", reason="missing") == 1
    results = {r: _value(registry, "fairlead_log_rows_total", sink="kept", result=r) for r in RESULTS}
    assert results == {"written": 3, "dropped": 0, "failed": 0, "left_out": 0}
    assert _value(registry, "fairlead_log_waiting_rows", sink="kept") == 0
    assert _value(registry, "fairlead_log_errors_total", sink="kept") == 0


@pytest.mark.parametrize(("write", "read"), [(generate_latest, parse), (generate_openmetrics, parse_openmetrics)])
@pytest.mark.usefixtures("busy")
def test_a_parser_reads_all_of_it_with_the_labels_of_the_model(registry, write, read):
    families = {f.name: f for f in read(write(registry).decode())}
    ours = {name: f for name, f in families.items() if not name.endswith("_created")}
    assert {name.removesuffix("_total") for name in ours} == {
        "fairlead_requests",
        "fairlead_request_duration_seconds",
        "fairlead_rows",
        "fairlead_requests_in_flight",
        "fairlead_contract_violations",
        "fairlead_odd_rows",
        "fairlead_score",
        "fairlead_outliers",
        "fairlead_lookups",
        "fairlead_log_rows",
        "fairlead_log_waiting_rows",
        "fairlead_log_errors",
    }
    for family in ours.values():
        assert family.documentation
        for sample in family.samples:
            assert tuple(sample.labels[name] for name in WHO) == ("loans", "3", "canary")


@pytest.mark.usefixtures("busy")
def test_prometheus_itself_finds_nothing_to_blame(registry):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it comes with Prometheus")
    done = subprocess.run([promtool, "check", "metrics"], input=generate_latest(registry), capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_buckets_show_where_answers_between_1_and_100_ms_lie():
    shown = [b for b in LATENCIES if 0.001 <= b <= 0.1]
    assert (shown[0], shown[-1]) == (0.001, 0.1)
    assert max(b / a for a, b in pairwise(shown)) <= 2
    assert {0.025, 0.05} <= set(shown)  # what the promised quantiles are held against


def test_fields_that_the_contract_does_not_know_are_counted_together(metrics, registry):
    for i in range(200):
        metrics.violation(f"made up {i}", "unknown")
    assert _value(registry, "fairlead_contract_violations_total", field=OTHER, reason="unknown") == 200


def test_labels_do_not_grow_without_bound(metrics, registry):
    for i in range(DISTINCT + 30):
        metrics.answered(f"/made/up/{i}", 404, 0.001)
        metrics.violation("bank", f"reason {i}")
    assert _value(registry, "fairlead_requests_total", route=OTHER, status=OTHER) == 30
    assert _value(registry, "fairlead_contract_violations_total", field=OTHER, reason=OTHER) == 30
    assert (
        len(re.findall(r"^fairlead_requests_total\{", generate_latest(registry).decode(), re.MULTILINE)) == DISTINCT + 1
    )


def test_a_request_costs_microseconds(metrics):
    one = batch(1, outlier=np.array([False]), lookups=["bank=found zip=found"])
    start = time.thread_time()
    for _ in range(5000):
        metrics.in_flight.inc()
        metrics.scored(one)
        metrics.answered(ROUTE, 200, 0.004, rows=1)
        metrics.in_flight.dec()
    assert (time.thread_time() - start) / 5000 < 30e-6  # 3.5 on a quiet machine
