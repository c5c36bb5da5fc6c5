"""The rules ask for metrics that there are, watch budgets as they should, and do what their own tests say."""

import re
from http import HTTPStatus
from pathlib import Path

import pytest
import yaml

from components.monitoring.exported import NAMES
from components.monitoring.rules import (
    ANSWERED,
    BURNS,
    DAY,
    FAILED,
    REFUSED,
    ROUTES,
    Objectives,
    rules,
    text,
)
from components.monitoring.runbooks import FOLDER, MEANING, alert_name
from components.rollout import prometheus_observer
from components.serving.metrics import LATENCIES
from components.serving.watch import ROUTES as SERVED
from tests.monitoring.exposed import Server, exporter
from tests.monitoring.promtool import needs_promtool, run

ROOT = Path(__file__).parents[2]
RULES = ROOT / "manifests" / "monitoring" / "rules"

ALL = [rule for group in rules()["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL if "alert" in rule]


def test_each_alert_has_a_rule_with_a_runbook_and_a_summary():
    assert {r["alert"] for r in ALERTS} == {alert_name(name) for name in MEANING}
    for rule in ALERTS:
        name = rule["labels"]["alert"]
        assert rule["alert"] == alert_name(name)
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["runbook"] == f"{FOLDER}/{name}.md"
        assert rule["annotations"]["description"] == MEANING[name]


def test_every_metric_that_is_asked_for_is_shown_by_somebody(tmp_path):
    server = Server()
    server.work()
    shown = {s.name for r in (server, exporter(tmp_path)) for f in r.registry.collect() for s in f.samples}
    recorded = {rule["record"] for rule in ALL if "record" in rule}
    asked = {name for rule in ALL for name in re.findall(r"\bfairlead[_:][a-z0-9_:]+", rule["expr"])}
    assert asked - recorded <= shown
    assert recorded <= asked, "nothing is recorded for nobody"
    assert {n for n in asked if n.removesuffix("_total") in NAMES}


def test_the_routes_and_statuses_are_the_servers_own():
    asking = [r for r in (*SERVED, *prometheus_observer.ROUTES) if re.fullmatch(ROUTES, r)]
    assert set(asking) == set(prometheus_observer.ROUTES)
    failed = {str(s.value) for s in HTTPStatus if s >= 500} | set(prometheus_observer.GRPC_FAILURES)
    every = {str(s.value) for s in HTTPStatus if s >= 200} | {str(n) for n in range(17)}
    assert {s for s in every if re.fullmatch(FAILED, s)} == failed
    assert not [s for s in every if sum(bool(re.fullmatch(p, s)) for p in (FAILED, REFUSED, ANSWERED)) > 1]


def test_what_counts_as_slow_is_a_bound_of_the_servers_buckets():
    assert Objectives().seconds in LATENCIES


def test_the_burn_rates_spend_what_the_workbook_says():
    spent = [(b.severity, round(b.rate * b.long / (30 * DAY), 3), b.long / b.short) for b in BURNS]
    assert spent == [("critical", 0.02, 12), ("critical", 0.05, 12), ("warning", 0.1, 12), ("warning", 0.1, 12)]


def test_the_file_is_yaml_that_reads_back_as_what_was_made():
    assert yaml.safe_load(text()) == rules()


def test_times_can_be_scaled_for_those_who_cannot_wait():
    quick = text(Objectives(scale=1 / 300))
    assert "[1s]" in quick
    assert "[5m]" not in quick
    assert "fairlead:request_errors:ratio_rate5m" in quick, "names stay"


@needs_promtool
def test_promtool_takes_the_rules():
    assert f"SUCCESS: {len(ALL)} rules found" in run("promtool", "check", "rules", RULES / "fairlead.rules.yaml")


@needs_promtool
@pytest.mark.parametrize("path", sorted(RULES.glob("*.test.yaml")), ids=lambda p: p.name)
def test_the_rules_do_what_their_tests_say(path):
    assert "SUCCESS" in run("promtool", "test", "rules", path)


@needs_promtool
def test_the_rules_tests_can_fail(tmp_path):
    """A budget ten times as large, and pages are missed."""
    (tmp_path / "fairlead.rules.yaml").write_text(text(Objectives(errors=0.01)), encoding="utf-8")
    tests = yaml.safe_load((RULES / "fairlead.rules.test.yaml").read_text(encoding="utf-8"))
    tests["tests"] = tests["tests"][:1]
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    with pytest.raises(AssertionError, match="FAILED"):
        run("promtool", "test", "rules", tmp_path / "t.yaml")


def test_every_alert_is_tried_in_the_rules_tests():
    tried = "".join(path.read_text(encoding="utf-8") for path in RULES.glob("*.test.yaml"))
    from_rules = {r["alert"] for r in ALERTS if "fairlead_alert_level" not in r["expr"]}
    assert {a for a in from_rules if a not in tried} == set()
