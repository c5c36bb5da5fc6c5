"""The dashboards are what Grafana's own model takes, and ask for nothing that is not there."""

import json
import re

import pytest
import yaml

from components.monitoring.dashboards import COLUMNS, PREFIX, expressions, texts, through
from components.monitoring.rules import rules
from tests.monitoring.exposed import Server, exporter
from tests.monitoring.promtool import needs_promtool, run


@pytest.mark.parametrize("name", sorted(texts()))
def test_a_dashboard_comes_back_the_same_from_grafanas_model(name):
    assert through(texts()[name]) == texts()[name]


@pytest.mark.parametrize("name", sorted(texts()))
def test_a_dashboard_can_be_found_and_its_panels_do_not_overlap(name):
    board = json.loads(texts()[name])
    assert board["uid"] == name
    assert len(name) <= 40, "Grafana takes no longer ones"
    assert [v["name"] for v in board["templating"]["list"]] == ["datasource", "model"]
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert place["x"] + place["w"] <= COLUMNS
        taken |= cells


def test_every_expression_of_the_table_is_on_its_dashboard():
    on = {
        (board["uid"], target["expr"])
        for board in map(json.loads, texts().values())
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }
    assert on == {(PREFIX + a.board, a.expression) for a in expressions()}


def test_every_metric_that_is_asked_for_is_shown_by_somebody(tmp_path):
    server = Server()
    server.work()
    shown = {s.name for r in (server, exporter(tmp_path)) for f in r.registry.collect() for s in f.samples}
    recorded = {rule["record"] for group in rules()["groups"] for rule in group["rules"] if "record" in rule}
    asked = {name for a in expressions() for name in re.findall(r"\bfairlead[_:][a-z0-9_:]+", a.expression)}
    assert asked <= shown | recorded | {"fairlead_left_out_series"}


@needs_promtool
def test_promtool_takes_every_expression(tmp_path):
    asked = [{"record": f"tried:{i}", "expr": a.expression} for i, a in enumerate(expressions())]
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}), encoding="utf-8")
    assert f"SUCCESS: {len(asked)} rules found" in run("promtool", "check", "rules", path)
