"""Live traffic: rows in the order of their time, each as its client would send it, its outcome a while after."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from components.core.use_case import UseCase
from components.features.rows import request_fields
from components.serving.door import check
from components.serving.outcomes import read_outcomes
from components.serving.v2 import decode
from components.training.bundle import Bundle
from pipelines.live_traffic import Call, calls, send

FIRST = date(2004, 1, 1)


def made(small_dataset: Path, sba: UseCase, n: int = 300) -> list[Call]:
    return calls(small_dataset.with_name("features.parquet"), sba, request_fields(sba), FIRST, n)


def test_calls_come_in_the_order_of_time_with_their_labels(small_dataset: Path, sba: UseCase) -> None:
    frame = pl.read_parquet(small_dataset.with_name("features.parquet"))
    days = dict(frame.select(pl.col("row_id").cast(pl.String), "event_time").iter_rows())
    found = made(small_dataset, sba)
    order = [days[call.id] for call in found]
    assert order == sorted(order)
    assert order[0] >= FIRST
    late = frame.filter((pl.col("outcome") == 1) & (pl.col("outcome_time") > pl.col("event_time").dt.offset_by("36mo")))
    assert not {c.id for c in found if c.label} & set(late["row_id"].cast(pl.String))
    assert {c.label for c in found} == {0, 1}


def test_every_call_passes_the_door(small_dataset: Path, sba: UseCase, signed_bundle: Path) -> None:
    contract = Bundle.open(signed_bundle).contract
    for call in made(small_dataset, sba, 50):
        request = decode(call.body)
        assert request.id == call.id
        assert len(check(request, contract, 1)["ApprovalDate"]) == 1


class _Counter(http.server.BaseHTTPRequestHandler):
    """Answers every request and keeps its id."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.ids.append(json.loads(body)["id"])  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def counter() -> Iterator[tuple[str, list[str]]]:
    """Run a server that answers every request and keeps the ids."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Counter) as server:
        ids: list[str] = []
        server.ids = ids  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v2/models/m/infer", ids
        server.shutdown()
        thread.join()


def test_each_call_is_sent_once_and_each_outcome_recorded(small_dataset: Path, sba: UseCase, tmp_path: Path) -> None:
    loans = made(small_dataset, sba)
    with counter() as (url, ids):
        held = send(url, loans, 1000.0, tmp_path / "log.db", delay=0.0, clients=4)
    assert held.answered == len(loans)
    assert sorted(ids) == sorted(c.id for c in loans)
    outcomes = read_outcomes(tmp_path / "log.db")
    assert dict(outcomes.select("request_id", "label").iter_rows()) == {c.id: c.label for c in loans}
