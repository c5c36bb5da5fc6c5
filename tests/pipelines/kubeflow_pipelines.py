"""A server that keeps pipelines and their versions as the Kubeflow Pipelines API v2beta1 does, over real HTTP.

It refuses what the real one refuses: a body that its models do not know, a second version of a name (409), a version of
no pipeline, and, where users are kept apart, an experiment without a namespace.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.json_server import JsonHandler, answering
from tests.pipelines.kubeflow_models import faults

API = "/apis/v2beta1"


class Refused(Exception):
    """What the server answers with another status than 200."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Kept:
    """What is at the endpoint, each as the API shows it."""

    def __init__(self) -> None:
        self.multi_user = False
        self.page = 100
        """So many are listed at a time."""
        self.pipelines: list[dict[str, Any]] = []
        self.versions: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.experiments: list[dict[str, Any]] = []
        self.authorization: set[str] = set()
        """Headers of that name that requests came with."""

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        kept = {"Pipeline": self.pipelines, "Run": self.runs, "Experiment": self.experiments}[kind]
        if found := faults(body, f"V2beta1{kind}"):
            raise Refused(400, str(found))
        if self.multi_user and kind == "Experiment" and not body.get("namespace"):
            raise Refused(400, "An experiment cannot have an empty namespace in multi-user mode")
        reference = body.get("pipeline_version_reference")
        if reference and reference["pipeline_version_id"] not in {v["pipeline_version_id"] for v in self.versions}:
            raise Refused(404, "no such version")
        made = {**body, f"{kind.lower()}_id": f"{kind[0].lower()}{len(kept) + 1}"}
        kept.append(made)
        return made

    def upload(self, query: dict[str, list[str]], file: bytes) -> dict[str, Any]:
        (home,), (name,) = query["pipelineid"], query["name"]
        if home not in {p["pipeline_id"] for p in self.pipelines}:
            raise Refused(400, "Failed to create a pipeline version")
        if any((v["pipeline_id"], v["name"]) == (home, name) for v in self.versions):
            raise Refused(409, "Failed to create a pipeline version")
        spec, platform = yaml.safe_load_all(file)
        version = {
            "pipeline_id": home,
            "pipeline_version_id": f"v{len(self.versions) + 1}",
            "name": name,
            "display_name": query.get("display_name", [name])[0],
            "description": query.get("description", [""])[0],
            "pipeline_spec": {"pipeline_spec": spec, "platform_spec": platform},
        }
        self.versions.append(version)
        return version

    def listed(self, what: str, items: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
        for predicate in json.loads(query.get("filter", ["{}"])[0]).get("predicates", []):
            assert predicate["operation"] == 1
            items = [item for item in items if item[predicate["key"]] == predicate["stringValue"]]
        start = int(query.get("page_token", ["0"])[0] or 0)
        end = start + min(self.page, int(query.get("page_size", ["10"])[0]))
        return {what: items[start:end], "next_page_token": str(end) if end < len(items) else ""}


class _Handler(JsonHandler):
    kept: Kept

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        self._answer(self._write)

    def _read(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        kept, parts = self.kept, path.removeprefix(f"{API}/").split("/")
        if parts == ["healthz"]:
            return {"multi_user": kept.multi_user}
        if parts == ["experiments"]:
            return kept.listed("experiments", kept.experiments, query)
        if parts == ["pipelines"]:
            mine = [p for p in kept.pipelines if p.get("namespace") == query.get("namespace", [None])[0]]
            return kept.listed("pipelines", mine, query)
        if parts[0] == "pipelines" and parts[2:] == ["versions"]:
            mine = [v for v in kept.versions if v["pipeline_id"] == parts[1]]
            return kept.listed("pipeline_versions", mine, query)
        raise Refused(404, path)

    def _write(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == f"{API}/pipelines/upload_version":
            form = message_from_bytes(f"Content-Type: {self.headers['Content-Type']}\n\n".encode() + body)
            (part,) = form.get_payload()
            assert part.get_param("name", header="content-disposition") == "uploadfile"
            return self.kept.upload(query, part.get_payload(decode=True))
        kinds = {"pipelines": "Pipeline", "runs": "Run", "experiments": "Experiment"}
        kind = kinds.get(path.removeprefix(f"{API}/"))
        if kind is None:
            raise Refused(404, path)
        return self.kept.create(kind, json.loads(body))

    def _answer(self, make: Any) -> None:
        url = urlsplit(self.path)
        self.kept.authorization.add(self.headers.get("authorization", ""))
        try:
            status, body = 200, make(url.path, parse_qs(url.query))
        except Refused as refusal:
            status, body = refusal.status, {"error": str(refusal)}
        self.answer(status, body)


@contextmanager
def keeping() -> Iterator[tuple[Kept, str]]:
    """Run such a server; gives what it keeps, and its URL."""
    kept = Kept()
    with answering(_Handler, kept=kept) as url:
        yield kept, url
