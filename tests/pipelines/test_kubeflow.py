"""Submission against a server that answers as the Kubeflow Pipelines API v2beta1 does, over real HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from components.core.errors import FairleadError
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.runners.kubeflow import submit

ANSWERS = {
    "GET /apis/v2beta1/healthz": {"multi_user": False},
    "GET /apis/v2beta1/experiments": {"experiments": []},
    "POST /apis/v2beta1/experiments": {"experiment_id": "e1", "display_name": "loans"},
    "POST /apis/v2beta1/runs": {"run_id": "r1", "display_name": "a run"},
}


class _Api(BaseHTTPRequestHandler):
    received: list[tuple[str, Any]]

    def _answer(self) -> None:
        call = f"{self.command} {self.path.partition('?')[0]}"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.received.append((call, json.loads(body) if body else None))
        answer = json.dumps(ANSWERS.get(call, {"error": call})).encode()
        self.send_response(200 if call in ANSWERS else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _answer  # noqa: N815  names of the standard library

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def api() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    received: list[tuple[str, Any]] = []
    handler = type("Api", (_Api,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def test_a_run_is_made_from_the_compiled_pipeline(api: tuple[str, list[tuple[str, Any]]]) -> None:
    host, received = api
    url = submit(compiled("training"), parameters("sba_loans", "2003-12-31", ""), host, "loans", "a run")
    assert url == f"{host}/#/runs/details/r1"
    (run,) = [body for call, body in received if call == "POST /apis/v2beta1/runs"]
    assert run["experiment_id"] == "e1"
    assert run["runtime_config"]["parameters"]["as_of"] == "2003-12-31"
    spec = run["pipeline_spec"]["pipeline_spec"]
    assert spec["pipelineInfo"]["name"] == "fairlead-training"


def test_an_endpoint_that_does_not_answer_is_named() -> None:
    with pytest.raises(FairleadError, match=r"Kubeflow Pipelines at http://127\.0\.0\.1:9 did not take the run"):
        submit(compiled("training"), {}, "http://127.0.0.1:9", "loans", "a run")


def test_no_endpoint_says_how_to_give_one() -> None:
    with pytest.raises(FairleadError, match="FAIRLEAD_KFP_HOST"):
        submit(compiled("training"), {}, "", "loans", "a run")
