"""A server that answers as the Kubeflow Pipelines API v2beta1 does, over real HTTP, and what it was sent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

ANSWERS = {
    "GET /apis/v2beta1/healthz": {"multi_user": False},
    "GET /apis/v2beta1/experiments": {"experiments": []},
    "POST /apis/v2beta1/experiments": {"experiment_id": "e1", "display_name": "loans"},
    "POST /apis/v2beta1/runs": {"run_id": "r1", "display_name": "a run"},
    "GET /apis/v2beta1/recurringruns": {
        "recurringRuns": [{"recurring_run_id": "s0", "display_name": "monthly"}],
        "next_page_token": "",
    },
    "POST /apis/v2beta1/recurringruns": {"recurring_run_id": "s1", "display_name": "weekly"},
}

Received = list[tuple[str, Any]]


class _Api(BaseHTTPRequestHandler):
    received: Received

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

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def api() -> Iterator[tuple[str, Received]]:
    received: Received = []
    handler = type("Api", (_Api,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def cached(spec: dict[str, Any]) -> list[str]:
    """List the tasks of a compiled pipeline, nested ones too, that may be taken from the cache."""
    parts = [spec["root"], *spec["components"].values()]
    tasks = [item for part in parts for item in part.get("dag", {}).get("tasks", {}).items()]
    assert len(tasks) > 15
    return [name for name, task in tasks if task.get("cachingOptions", {}).get("enableCache")]
