"""A request's trace goes through the collector, as the manifests configure it, into a real MLflow."""

import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from mlflow.tracking import MlflowClient

from components.serving.tracing import Tracing
from tests.cluster import programs
from tests.cluster.processes import answers, free_ports, running, tail, until

pytestmark = [
    pytest.mark.control_plane,
    pytest.mark.skipif(bool(programs.missing("otelcol")), reason=programs.missing("otelcol")),
]

FOLDER = Path(__file__).parents[3] / "manifests" / "telemetry"
PATIENCE = 120.0


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """URLs of a collector, of its own metrics, and of the MLflow that it sends to."""
    folder = tmp_path_factory.mktemp("telemetry")
    otlp, health, metrics, port = free_ports(4)
    text = (FOLDER / "collector.yaml").read_text(encoding="utf-8")
    for address, mine in (("0.0.0.0:4318", otlp), ("0.0.0.0:13133", health)):
        assert address in text
        text = text.replace(address, f"127.0.0.1:{mine}")
    text = text.replace('host: "0.0.0.0", port: 8888', f"host: 127.0.0.1, port: {metrics}")
    assert "0.0.0.0" not in text  # noqa: S104  nothing of it listens beyond this machine
    (folder / "collector.yaml").write_text(text, encoding="utf-8")
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    mlflow = [sys.executable, "-m", "mlflow", "server", *store, "--host", "127.0.0.1", "--port", str(port)]
    with running() as start:
        start(mlflow, folder / "mlflow.log", {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
        said = {"MLFLOW_URL": f"http://127.0.0.1:{port}", "MLFLOW_EXPERIMENT_ID": "0"}
        collector = [str(programs.program("otelcol")), "--config", str(folder / "collector.yaml")]
        start(collector, folder / "collector.log", said)
        until(lambda: answers(f"http://127.0.0.1:{health}/"), PATIENCE, lambda: tail(folder / "collector.log"))
        until(lambda: answers(f"{said['MLFLOW_URL']}/health"), PATIENCE, lambda: tail(folder / "mlflow.log"))
        yield f"http://127.0.0.1:{otlp}", f"http://127.0.0.1:{metrics}/metrics", said["MLFLOW_URL"]


def test_a_trace_of_a_model_server_is_found_in_mlflow(places: tuple[str, str, str]):
    collector, metrics, mlflow = places
    tracing = Tracing(collector, "sba_loans", "7", "stable", ratio=1.0)
    trace = tracing.begin("POST", "/v2/models/{name}/infer")
    trace.end(200, 3)
    tracing.close()
    client = MlflowClient(mlflow)
    until(lambda: len(client.search_traces(locations=["0"])) == 1, PATIENCE, lambda: "no trace in MLflow")
    (found,) = client.search_traces(locations=["0"])
    (span,) = found.data.spans
    assert trace.traceparent.split("-")[1] in found.info.trace_id
    assert (span.attributes["http.response.status_code"], span.attributes["fairlead.rows"]) == (200, 3)
    with urllib.request.urlopen(metrics, timeout=5) as answer:  # noqa: S310  our own loopback URL
        assert b"otelcol_exporter_sent_spans" in answer.read()


def test_the_deployment_runs_the_version_that_was_tried():
    documents = yaml.safe_load_all((FOLDER / "deployment.yaml").read_text(encoding="utf-8"))
    (pod,) = [d["spec"]["template"]["spec"] for d in documents if d["kind"] == "Deployment"]
    assert pod["containers"][0]["image"].endswith(f":{programs.version('otelcol')}")
