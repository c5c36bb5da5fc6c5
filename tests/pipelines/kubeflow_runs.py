"""A server that keeps runs as the Kubeflow Pipelines API v2beta1 does, over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.json_server import JsonHandler, answering

API = "/apis/v2beta1"


class Runs:
    """Runs in the order in which they were made; each is as the API shows it."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.terminated: list[str] = []
        self.page = 100
        """So many runs are listed at a time."""

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.made) + 1
        run = {**body, "run_id": f"r{number}", "state": "PENDING", "created_at": f"2026-03-01T09:00:{number:02}Z"}
        self.made.append(run)
        return run

    def listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
        (predicate,) = json.loads(query["filter"][0])["predicates"]
        assert (predicate["operation"], predicate["key"]) == (1, "display_name")
        found = [run for run in self.made if run["display_name"] == predicate["stringValue"]]
        start = int(query.get("page_token", ["0"])[0] or 0)
        more = start + self.page < len(found)
        return {"runs": found[start : start + self.page], "next_page_token": str(start + self.page) if more else ""}

    def end(self, state: str, **more: Any) -> None:
        """Let the first run come to an end."""
        self.made[0].update(state=state, **more)


class _Handler(JsonHandler):
    runs: Runs

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == f"{API}/runs":
            self.answer(200, self.runs.listed(parse_qs(url.query)))
        else:
            self.answer(200, {"experiments": []} if url.path == f"{API}/experiments" else {"multi_user": False})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == f"{API}/runs":
            self.answer(200, self.runs.create(json.loads(body)))
        elif path.endswith(":terminate"):
            self.runs.terminated.append(path.rpartition("/")[2].removesuffix(":terminate"))
            self.answer(200, {})
        else:
            self.answer(200, {"experiment_id": "e1", "display_name": "fairlead"})


@contextmanager
def serving() -> Iterator[tuple[Runs, str]]:
    """Run such a server; gives what it keeps, and its URL."""
    runs = Runs()
    with answering(_Handler, runs=runs) as url:
        yield runs, url
