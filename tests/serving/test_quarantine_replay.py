"""Replay of the quarantine: whole requests, each at most once, whatever a server does; the commands have the rest."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from components.core.errors import FairleadError
from components.serving.quarantine_log import Entry, QuarantineLog
from components.serving.quarantine_replay import Outcome, ToServer, replay, waiting

METADATA = {"inputs": [{"name": "x", "datatype": "INT64"}, {"name": "code", "datatype": "BYTES"}]}
ANSWER = {"model_version": "3", "outputs": [{"name": "decision", "data": [1, 0]}]}


class Scripted:
    """A server that answers each request as it is told, and keeps what it was sent; None hangs up."""

    def __init__(self):
        self.sent, self.script = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._say(200, METADATA, {})

            def do_POST(self):
                outer.sent.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = outer.script.pop(0)
                if answer is not None:
                    self._say(*answer)

            def _say(self, status, content, headers):
                body = json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def scripted():
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def log(tmp_path):
    made = QuarantineLog(tmp_path / "quarantine.db")
    reason = '[{"when":"missing","column":"x","found":null,"allowed":"any value"}]'
    for group in "ab":
        made.add([_entry(f"{group}-0", group, 0, reason), _entry(f"{group}-1", group, 1, "[]")])
    return made


def _entry(name, request_id, row, reason):
    inputs = '{"x":7,"code":"01"}'
    return Entry(name, 1, f"call {request_id}", row, "m", "1", "stable", inputs, "quarantine", "", reason)


def test_rows_are_put_together_by_request_and_repaired_where_told(log):
    repaired = pl.DataFrame({"id": ["b-1"], "x": ["9"]})
    first, second = waiting(log.read(), repaired)
    assert [(r.id, r.row, r.odd) for r in first] == [("a-0", 0, ("missing x",)), ("a-1", 1, ())]
    assert [r.inputs for r in (*first, *second)] == [{"x": 7, "code": "01"}] * 3 + [{"x": "9", "code": "01"}]
    with pytest.raises(FairleadError, match="b-1 is there twice"):
        waiting(log.read(), pl.concat([repaired, repaired]))


@pytest.mark.parametrize(
    ("answer", "events", "state"),
    [
        ((200, ANSWER, {}), ["answered", "answered"], "answered"),
        ((422, {"error": "odd"}, {"x-fairlead-quarantine": "c"}), ["withheld", "withheld"], "withheld"),
        ((400, {"error": "wrong"}, {}), ["failed", "failed"], "failed"),
        ((503, {"error": "busy"}, {}), ["failed", "failed"], "failed"),
        # Whether these were answered nobody knows.
        ((504, {"error": "late"}, {}), [None, None], "claimed"),
        (None, [None, None], "claimed"),
    ],
)
def test_what_a_server_answers_is_what_became_of_the_rows(scripted, log, answer, events, state):
    scripted.script, scripted.sent = [answer], []
    first, _ = waiting(log.read(), pl.DataFrame({"id": ["a-1"], "x": ["9"]}))
    outcomes = replay(log, [first], ToServer(scripted.url, "m"), "anna")
    assert [o.event for o in outcomes] == events
    assert log.read(["a"])["state"].to_list() == [state, state]
    assert scripted.sent == [
        {
            "id": "call a",
            "inputs": [
                {"name": "x", "datatype": "INT64", "shape": [2], "data": [7, 9]},
                {"name": "code", "datatype": "BYTES", "shape": [2], "data": ["01", "01"]},
            ],
        }
    ]
    if events == ["answered", "answered"]:
        assert [o.detail for o in outcomes] == [{"decision": 1, "version": "3"}, {"decision": 0, "version": "3"}]
        assert str(outcomes[0]) == "a-0  answered  decision=1 version=3"
    # Again only what is known not to have been answered.
    scripted.script = [(200, ANSWER, {})]
    assert len(replay(log, [first], ToServer(scripted.url, "m"), "bert")) == (2 if state == "failed" else 0)


def test_a_request_that_somebody_else_has_taken_in_part_is_left_to_them(scripted, log):
    scripted.script, scripted.sent = [(200, ANSWER, {})], []
    assert log.claim(["a-1"], "bert") == ["a-1"]
    outcomes = replay(log, waiting(log.read()), ToServer(scripted.url, "m"), "anna")
    assert [o.id for o in outcomes] == ["b-0", "b-1"]
    assert [s["id"] for s in scripted.sent] == ["call b"]
    assert log.read()["state"].to_list() == ["waiting", "claimed", "answered", "answered"]


def test_two_who_replay_at_the_same_time_send_each_row_once(log):
    sent, lock, together = [], threading.Lock(), threading.Barrier(2)

    def send(rows):
        with lock:
            sent.extend(r.id for r in rows)
        return [Outcome(r.id, "answered", {}) for r in rows]

    def work(actor):
        requests = waiting(log.read())
        together.wait(10)
        replay(log, requests, send, actor)

    threads = [threading.Thread(target=work, args=(f"actor {i}",)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(sent) == ["a-0", "a-1", "b-0", "b-1"]


def test_a_server_that_cannot_be_reached_is_told():
    with pytest.raises(FairleadError, match="cannot be reached"):
        ToServer("http://127.0.0.1:9", "m")
    with pytest.raises(FairleadError, match="cannot be reached"):
        ToServer("nonsense://x", "m")
