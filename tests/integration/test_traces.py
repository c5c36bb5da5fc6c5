"""Traces in a real MLflow server: make test-traces."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from components.serving.process import free_port
from components.serving.tracing import Tracing

pytestmark = pytest.mark.integration


def _processes(session: int) -> list[int]:
    """List the processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server with a home of its own; none of its processes outlives it."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, folder / "server.log")
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)
        end = time.monotonic() + 20
        while _processes(process.pid) and time.monotonic() < end:
            time.sleep(0.05)
    assert _processes(process.pid) == []


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()  # noqa: S310  our own loopback
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("MLflow is not up: " + log.read_text()[-3000:])


def test_a_span_is_found_in_mlflow(server: str) -> None:
    tracing = Tracing(server, "loans", "3", "canary", headers={"x-mlflow-experiment-id": "0"})
    trace = tracing.begin("POST", "/v2/models/{name}/infer", f"00-{'4b' * 16}-{'0f' * 8}-01")
    trace.end(200, rows=3)
    tracing.close()
    mlflow.set_tracking_uri(server)
    (found,) = mlflow.MlflowClient().search_traces(locations=["0"])
    (span,) = found.data.spans
    assert (span.name, span.trace_id) == ("POST /v2/models/{name}/infer", f"tr-{'4b' * 16}")
    expected = {
        "http.request.method": "POST",
        "http.route": "/v2/models/{name}/infer",
        "http.response.status_code": 200,
        "fairlead.model": "loans",
        "fairlead.version": "3",
        "fairlead.variant": "canary",
        "fairlead.rows": 3,
    }
    assert expected.items() <= span.attributes.items()
    assert re.fullmatch(r"00-(4b){16}-[0-9a-f]{16}-01", trace.traceparent)
