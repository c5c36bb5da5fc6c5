"""The files beside the rules: Prometheus and Alertmanager take them, alerts go where they should, nothing is secret."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components.monitoring.rules import rules
from tests.monitoring.promtool import needs_amtool, needs_promtool, run

FOLDER = Path(__file__).parents[2] / "manifests" / "monitoring"
ALERTMANAGER = FOLDER / "alertmanager.yaml"
NAMES = {rule["alert"] for group in rules()["groups"] for rule in group["rules"] if "alert" in rule}


@needs_amtool
def test_amtool_takes_the_routes():
    assert "SUCCESS" in run("amtool", "check-config", ALERTMANAGER)


@needs_amtool
@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "webhook-and-slack"), ("warning", "webhook"), ("other", "webhook")]
)
def test_alerts_go_to_who_should_hear_of_them(severity, receiver):
    labels = ["alertname=FairleadLoss", f"severity={severity}", "model=sba_loans"]
    out = run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
    assert out.splitlines()[0] == receiver


def test_what_is_inhibited_are_alerts_that_there_are_and_labels_that_both_have():
    text = ALERTMANAGER.read_text(encoding="utf-8")
    assert set(re.findall(r"Fairlead[A-Z]\w+", text)) <= NAMES
    for rule in yaml.safe_load(text)["inhibit_rules"]:
        assert set(rule["equal"]) <= {"alertname", "use_case", "model", "subject"}


def test_secrets_are_files_elsewhere():
    text = ALERTMANAGER.read_text(encoding="utf-8")
    assert re.findall(r"^\s*(?:api_url|credentials|password|bearer_token)\s*:", text, re.MULTILINE) == []
    assert "hooks.slack.com" not in text


@needs_promtool
def test_promtool_takes_the_configuration_with_its_rules():
    assert "rules/fairlead.rules.yaml" in run("promtool", "check", "config", FOLDER / "prometheus.yaml")


def test_what_is_scraped_is_watched_for_being_down():
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    (down,) = [r for g in rules()["groups"] for r in g["rules"] if r.get("alert") == "FairleadTargetDown"]
    pattern = re.findall(r'job=~"([^"]+)"', down["expr"])[0]
    assert all(re.fullmatch(pattern, job["job_name"]) for job in scraped)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the PATH")
def test_kustomize_brings_all_of_it():
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True)  # noqa: S607
    maps = {m["metadata"]["name"]: m for m in yaml.safe_load_all(done.stdout)}
    assert set(maps) == {"fairlead-rules", "fairlead-alertmanager", "fairlead-dashboards"}
    boards = maps["fairlead-dashboards"]
    assert set(boards["data"]) == {p.name for p in (FOLDER / "dashboards").glob("*.json")}
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert all(json.loads(text) for text in boards["data"].values())
