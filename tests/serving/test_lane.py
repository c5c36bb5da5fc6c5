"""The lane in front of the routes: in process with what cannot be had from outside, and in server processes."""

import asyncio
import json
import logging
import re
import sqlite3
import threading
import time
from contextlib import closing, suppress

import grpc
import numpy as np
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from components.serving import v2
from components.serving.door import check
from components.serving.exchange import EXPLAINS, Unavailable
from components.serving.hooks import Hooks
from components.serving.lane import Lane
from components.serving.limits import Limits
from components.serving.model import BundleModel
from components.serving.scoring import Scoring
from components.training.v2_request import v2_body

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"
TIMEOUT = "x-envoy-expected-rq-timeout-ms"


class Down:
    """A lookup whose store is down; what it is asked for is what the real one would be."""

    def needed(self, given):
        return () if "bank_count" in given else ("bank",)

    async def fill(self, *_):
        raise Unavailable("the feature store is broken or cannot be reached")


class Found(Down):
    """A lookup that knows every bank, by way of the rows' own columns."""

    async def fill(self, columns, entities):
        n = len(columns["bank_count"])
        return {**columns, "bank_count": np.full(n, 7.0), "bank_bad": np.full(n, 7.0)}, [f"{entities[0]}=found"] * n


class Process:
    """A lane in this process; nothing stands behind it."""

    def __init__(self, opened, **parts):
        self.recorded = []
        self.model = BundleModel("")
        scoring = Scoring(opened, "sba_loans", "1", 100, recorder=self.recorded.append, **parts)
        self.model.take(scoring, "1")
        self.limits = Limits(10**6)
        self.lane = Lane(self.behind, self.model, self.limits)

    async def behind(self, *channels):
        send = channels[-1]
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})

    async def post(self, body, path=INFER, headers=()):
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        given = [(k.encode(), v.encode()) for k, v in dict(headers).items()]
        await self.lane({"type": "http", "method": "POST", "path": path, "headers": given}, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

    def all(self, *bodies, **more):
        async def together():
            return await asyncio.gather(*(self.post(json.dumps(body).encode(), **more) for body in bodies))

        return asyncio.run(together())


def _bodies(opened, rows, n):
    return [v2_body({k: v[i : i + 1] for k, v in rows.items()}, opened.contract.inputs, str(i)) for i in range(n)]


def test_rows_that_come_together_are_scored_together_and_answered_each_its_own(opened, rows):
    process = Process(opened)
    answers = [json.loads(body) for _, _, body in process.all(*_bodies(opened, rows, 20))]
    assert [a["id"] for a in answers] == [str(i) for i in range(20)]
    found = np.array([a["outputs"][0]["data"][0] for a in answers])
    assert np.abs(found - opened.probability({k: v[:20] for k, v in rows.items()})).max() <= 1e-9
    (batch,) = process.recorded
    assert list(batch.request_ids) == [str(i) for i in range(20)]
    assert list(batch.row_numbers) == [0] * 20
    assert len(batch.latency_ms) == 20
    assert batch.lookups is None


def test_the_lane_writes_the_json_that_the_codec_writes(opened, good):
    fast, slow = Process(opened).all(good, {**good, "outputs": [{"name": "probability"}, {"name": "decision"}]})
    assert fast == slow


@pytest.mark.parametrize("extra", [{}, {"outputs": [{"name": "decision"}]}], ids=["fast", "slow"])
def test_what_an_explainer_asks_is_answered_and_not_recorded(opened, good, extra):
    process = Process(opened)
    (status, _, body), *_ = process.all({**good, **extra}, headers={EXPLAINS: "1"})
    assert (status, json.loads(body)["id"]) == (200, good["id"])
    assert process.recorded == []
    # An id that begins like an explainer's hides nothing: any client can send it.
    process.all({**good, **extra, "id": "explain-me"})
    assert [list(batch.request_ids) for batch in process.recorded] == [["explain-me"]]


def test_everything_else_is_handed_on(opened, good):
    process = Process(opened)
    for path in (PREDICT, "/v2/models/other/infer", "/v2/models/sba_loans/versions/2/infer", "/v2"):
        assert process.all(good, path=path)[0][2] == b"behind"
    assert process.all(good, headers={"ce-specversion": "1.0"})[0][2] == b"behind"
    assert process.all(good, path="/v2/models/sba_loans/versions/1/infer")[0][0] == 200


@pytest.mark.parametrize("extra", [{}, {"outputs": [{"name": "decision"}]}], ids=["fast", "slow"])
def test_a_store_that_is_down_costs_those_alone_who_need_it(opened, good, extra):
    process = Process(opened, lookup=Down())
    needs = {**good, "inputs": [t for t in good["inputs"] if not t["name"].startswith("bank_")], **extra}
    gives = {**needs, "inputs": [*needs["inputs"], *_bank(None)]}
    (down, _, text), (up, _, _) = process.all(needs, gives)
    assert (down, up) == (503, 200)
    assert json.loads(text) == {"error": "the feature store is broken or cannot be reached"}


def _bank(count):
    day = {"name": "bank_last_bad", "shape": [1], "datatype": "BYTES", "data": [None]}
    numbers = [{"name": f"bank_{n}", "shape": [1], "datatype": "FP64", "data": [count]} for n in ("count", "bad")]
    return [*numbers, day]


@pytest.mark.parametrize("extra", [{}, {"outputs": [{"name": "probability"}]}], ids=["fast", "slow"])
def test_a_history_that_was_left_out_is_looked_up(opened, good, extra):
    process = Process(opened, lookup=Found())
    needs = {**good, "inputs": [t for t in good["inputs"] if not t["name"].startswith("bank_")], **extra}
    (_, _, looked_up), (_, _, given) = process.all(needs, {**needs, "inputs": [*needs["inputs"], *_bank(7)]})
    assert json.loads(looked_up)["outputs"] == json.loads(given)["outputs"]
    notes = [note for batch in process.recorded for note in batch.lookups or [None]]
    assert sorted(notes, key=str) in ([None, "bank=found"], ["", "bank=found"])


class Sleeping:
    """Steps that never come to an end."""

    async def preprocess(self, *_):
        await asyncio.Event().wait()


def test_a_request_that_takes_too_long_is_given_up(opened, good):
    process = Process(opened, hooks=Hooks(Sleeping()))
    ((status, _, body),) = process.all(good, headers={TIMEOUT: "20"})
    assert (status, json.loads(body)["error"].split(",")[0]) == (504, "not answered within 20 ms")
    assert process.limits.in_flight == 0


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_the_log_names_what_was_wrong_and_not_its_value(opened, good, caplog, level):
    process = Process(opened)
    wrong = [t | {"data": [987654]} if t["name"] == "Zip" else t for t in good["inputs"]]
    with caplog.at_level(level, "kserve.fairlead"):
        ((status, _, body),) = process.all({**good, "inputs": wrong})
    assert (status, b"987654" in body) == (400, True)
    assert [r.message for r in caplog.records if r.name == "kserve.fairlead"] == [
        f"POST {INFER.replace('sba_loans', '{name}')}: 400 contract broken: 'Zip' domain"
    ]


def test_a_big_body_is_read_and_checked_beside_the_loop_whatever_it_says_of_its_rows(opened, good, monkeypatch):
    threads = []

    def seen(of):
        def noting(*args):
            threads.append(threading.get_ident())
            return of(*args)

        return noting

    monkeypatch.setattr("components.serving.lane.v2.decode", seen(v2.decode))
    monkeypatch.setattr("components.serving.scoring.check", seen(check))
    big = [t | {"data": [1] * 150_000} if t["name"] == "Zip" else t for t in good["inputs"]]
    ((status, _, body),) = Process(opened).all({**good, "inputs": big})
    assert (status, b"150000 values found, allowed: 1" in body) == (400, True)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_what_breaks_inside_is_500_without_a_word_of_it(opened, good, monkeypatch, caplog):
    process = Process(opened)
    monkeypatch.setattr(process.model.scoring, "_score", lambda _: 1 / 0)
    (status, _, body), *_ = process.all(good, {**good, "outputs": [{"name": "decision"}]})
    assert status == 500
    assert json.loads(body) == {"error": "the server failed on this request; its log says why"}
    assert "ZeroDivisionError" in caplog.text
    assert process.limits.in_flight == 0


@pytest.fixture(scope="module")
def canary(serve, tmp_path_factory):
    """A server with everything on."""
    log = tmp_path_factory.mktemp("log") / "log.db"
    options = ("--variant", "canary", "--log", f"sqlite:///{log}", "--traces", "http://127.0.0.1:9", "--access-log")
    with serve(*options, "--trace-ratio", "0", grpc=True) as server:
        yield server, log


def _logged(log, request_id):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        # Made, with its table, when the first rows are written.
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT * FROM predictions WHERE request_id = ?", (request_id,)).fetchall()
            if rows:
                return rows
        time.sleep(0.02)
    raise AssertionError(f"{request_id} was not logged")


def test_every_answer_says_who_gave_it(canary, good, opened):
    server, _ = canary
    for path, body in ((INFER, good), (INFER, b"{}"), ("/v2", None), ("/nowhere", None)):
        _, headers, _ = server.send(path, body)
        assert headers["x-fairlead-variant"] == "canary"
        assert headers["x-fairlead-version"] == opened.version()
        assert "server" not in headers


def test_a_scored_row_is_logged_under_the_name_of_its_request(canary, good):
    server, log = canary
    nameless = {k: v for k, v in good.items() if k != "id"}
    for i, extra in enumerate(({}, {"outputs": [{"name": "decision"}]})):
        name = f"by-header-{i}"
        _, _, body = server.send(INFER, {**nameless, **extra}, {"x-request-id": name})
        assert json.loads(body)["id"] == name
        assert "canary" in _logged(log, name)[0]
    instances = {"instances": [{t["name"]: t["data"][0] for t in good["inputs"]}] * 3}
    server.send(PREDICT, instances, {"x-request-id": "v1"})
    assert len(_logged(log, "v1")) == 3


def test_a_sampled_trace_is_joined_and_handed_back(canary, good):
    server, _ = canary
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for path, body in ((INFER, good), (INFER, b"{}"), (PREDICT, b"{}")):
        _, headers, _ = server.send(path, body, {"traceparent": parent})
        found = headers["traceparent"]
        assert found.split("-")[1] == parent.split("-")[1]
        assert found != parent
    assert server.send(INFER, good)[1]["traceparent"] is None


def test_requests_and_violations_are_counted(canary, good, opened):
    server, _ = canary
    server.send(INFER, {"inputs": good["inputs"][1:]})
    server.send(PREDICT, b"{}")
    server.send("/wp-admin")
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError):
        GRPCInferenceServiceStub(channel).ModelInfer(pb.ModelInferRequest(model_name="sba_loans"))
    text = server.send("/metrics")[2].decode()
    who = rf'model="sba_loans",.*variant="canary",version="{opened.version()}"'
    for name, labels in [
        ("fairlead_requests_total", r'route="/v2/models/{name}/infer",status="400"'),
        ("fairlead_requests_total", r'route="/v1/models/{name}:predict",status="400"'),
        ("fairlead_requests_total", r'route="other",status="404"'),
        ("fairlead_requests_total", r'route="grpc ModelInfer",status="3"'),
    ]:
        assert re.search(rf"^{name}{{{who.replace('.*', labels + ',')}}} [1-9]", text, re.MULTILINE), (name, labels)
    broken = good["inputs"][0]["name"]
    assert re.search(rf'^fairlead_contract_violations_total{{field="{broken}".*reason="missing".*}} [1-9]', text, re.M)


def test_a_line_for_each_request_can_be_had(canary, good):
    server, _ = canary
    server.send(INFER, good)
    assert f'"POST {INFER} HTTP/1.1" 200' in server.log.read_text()
