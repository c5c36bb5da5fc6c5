"""The files beside the rules: Prometheus and Alertmanager take them, alerts go where they should, nothing is secret."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from components.monitoring.rules import rules
from components.serving.metrics import WHO
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


@needs_promtool
def test_promtool_takes_the_configuration_of_a_cluster(tmp_path):
    """All but the search for pods, which Debian's build does not have."""
    told = yaml.safe_load((FOLDER / "server" / "prometheus.yaml").read_text(encoding="utf-8"))
    for job in told["scrape_configs"]:
        if job.pop("kubernetes_sd_configs", None):
            job["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    run("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yaml")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the PATH")
def test_both_ways_to_scrape_a_cluster_name_the_same_jobs_and_no_label_that_servers_have():
    plain = yaml.safe_load((FOLDER / "server" / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER / "operator")], capture_output=True, check=True)  # noqa: S607
    specs = [o["spec"] for o in yaml.safe_load_all(done.stdout) if "spec" in o]
    points = [e for s in specs for e in (*s.get("podMetricsEndpoints", ()), *s.get("endpoints", ()))]
    put = [r for e in points for r in e["relabelings"]]
    named = {r["replacement"] for r in put if r["targetLabel"] == "job"} | {
        s["jobName"] for s in specs if "jobName" in s
    }
    assert named == {job["job_name"] for job in plain}
    labels = {r["targetLabel"] for r in put}
    labels |= {r["target_label"] for job in plain for r in job.get("relabel_configs", ()) if "target_label" in r}
    assert not labels & {*WHO, "route", "status", "le", "use_case"}, "else Prometheus would rename the servers' own"


def test_grafana_finds_prometheus_and_the_dashboards_where_they_are():
    server = FOLDER / "server"
    (source,) = yaml.safe_load((server / "datasources.yaml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((server / "dashboards.yaml").read_text(encoding="utf-8"))["providers"]
    objects = list(yaml.safe_load_all((server / "grafana-deployment.yaml").read_text(encoding="utf-8")))
    (pod,) = [o["spec"]["template"]["spec"] for o in objects if o["kind"] == "Deployment"]
    mounted = {m["mountPath"]: m["name"] for m in pod["containers"][0]["volumeMounts"]}
    (volume,) = [v for v in pod["volumes"] if v["name"] == mounted[provider["options"]["path"]]]
    assert volume["configMap"]["name"] == "fairlead-dashboards"


def test_what_is_scraped_is_watched_for_being_down():
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
    (down,) = [r for g in rules()["groups"] for r in g["rules"] if r.get("alert") == "FairleadTargetDown"]
    pattern = re.findall(r'job=~"([^"]+)"', down["expr"])[0]
    assert all(re.fullmatch(pattern, job["job_name"]) for job in scraped)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on the PATH")
def test_kustomize_brings_all_of_it():
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True)  # noqa: S607
    maps = {m["metadata"]["name"]: m for m in yaml.safe_load_all(done.stdout) if m["kind"] == "ConfigMap"}
    assert set(maps) == {"fairlead-rules", "fairlead-alertmanager", "fairlead-dashboards"}
    boards = maps["fairlead-dashboards"]
    assert set(boards["data"]) == {p.name for p in (FOLDER / "dashboards").glob("*.json")}
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert all(json.loads(text) for text in boards["data"].values())
