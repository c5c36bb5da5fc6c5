"""The short way beside the usual one, over raw connections to a real server process."""

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from components.serving.exchange import EXPLAINS

INFER = "/v2/models/sba_loans/infer"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMEOUT = "x-envoy-expected-rq-timeout-ms"


@pytest.fixture
def connect(running):
    address = urlsplit(running.url)
    opened = []

    def connection():
        opened.append(socket.create_connection((address.hostname, address.port), timeout=30))
        return opened[-1]

    yield connection
    for connection in opened:
        connection.close()


def _raw(body, path=INFER, method="POST", version="1.1", **headers):
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = {"host": "x", "content-type": "application/json", "content-length": len(body), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode() + body


def _read(connection, n=1):
    """Read n answers: status line, headers but for the date, body."""
    data, answers = b"", []
    while len(answers) < n:
        while b"\r\n\r\n" not in data or len(data) < _whole(data):
            piece = connection.recv(65536)
            assert piece, data
            data += piece
        end = _whole(data)
        head, _, body = data[:end].partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        assert sum(h.startswith("date: ") for h in headers) == 1
        answers.append((status, sorted(h for h in headers if not h.startswith("date: ")), body))
        data = data[end:]
    assert not data
    return answers


def _whole(data):
    length = re.search(rb"content-length: (\d+)", data)
    return data.index(b"\r\n\r\n") + 4 + int(length[1])


def _pieces(request):
    """The same bytes, in two writes: what does not come in one piece goes the usual way."""
    return request[:-10], request[-10:]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_request_id": "by-header"},
        {TIMEOUT: "5000"},
        {TIMEOUT: "soon"},
        {"connection": "close"},
        {"ce_x": "1"},
        {"traceparent": PARENT},
    ],
    ids=str,
)
@pytest.mark.parametrize("change", ["good", "nameless", "wrong", "outputs", "empty", "rows"])
def test_both_ways_give_the_same_bytes(connect, good, headers, change):
    body = {
        "good": good,
        "nameless": {**good, "id": "" if headers.get("x_request_id") else "x"},
        "wrong": {**good, "inputs": good["inputs"][1:]},
        "outputs": {**good, "outputs": [{"name": "decision"}]},
        "empty": b"",
        "rows": {**good, "inputs": [{**t, "shape": [2], "data": t["data"] * 2} for t in good["inputs"]]},
    }[change]
    request = _raw(body, **headers)
    short = connect()
    short.sendall(request)
    (found,) = _read(short)
    usual = connect()
    first, second = _pieces(request)
    usual.sendall(first)
    time.sleep(0.02)  # or both would be read as one
    usual.sendall(second)
    assert _read(usual) == [found]
    assert found[0].startswith("HTTP/1.1 200") == (change not in ("wrong", "empty") and headers.get(TIMEOUT) != "soon")


@pytest.mark.parametrize("path", [INFER, "/v2"])
@pytest.mark.parametrize("outputs", [{}, {"outputs": [{"name": "decision"}]}], ids=["short way", "usual way"])
def test_a_trace_is_handed_back_though_nobody_records_it(connect, good, path, outputs):
    connection = connect()
    for given, told in ((PARENT, [f"traceparent: {PARENT}"]), ("not one", []), (PARENT + "-more", [])):
        connection.sendall(_raw({**good, **outputs}, path, "POST" if path == INFER else "GET", traceparent=given))
        ((_, headers, _),) = _read(connection)
        assert [h for h in headers if h.startswith("traceparent")] == told


def test_a_connection_takes_one_request_after_the_other_either_way(connect, good):
    connection = connect()
    for i in range(20):
        ways = [good | {"id": str(i)}, {**good, "id": str(i), "outputs": [{"name": "decision"}]}]
        connection.sendall(_raw(ways[i % 2]))
        ((status, _, body),) = _read(connection)
        assert (status, json.loads(body)["id"]) == ("HTTP/1.1 200 OK", str(i))


def test_requests_sent_without_waiting_are_answered_in_their_order(connect, good):
    connection = connect()
    bodies = [good | {"id": str(i)} for i in range(30)]
    for i in range(0, 30, 4):
        bodies[i]["outputs"] = [{"name": "decision"}]
    bodies[7] = b"{}"
    connection.sendall(b"".join(_raw(body) for body in bodies))
    found = _read(connection, 30)
    assert [s for s, *_ in found].index("HTTP/1.1 400 Bad Request") == 7
    del found[7]
    assert [json.loads(body)["id"] for *_, body in found] == [str(i) for i in range(30) if i != 7]


def test_byte_by_byte_it_comes_whole(connect, good):
    connection = connect()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in _raw(good):
        connection.sendall(bytes([byte]))
    assert _read(connection)[0][0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_connection_is_closed_when_that_was_asked_for(connect, good, version):
    connection = connect()
    connection.sendall(_raw(good, version=version, **({"connection": "close"} if version == "1.1" else {})))
    data = b""
    while piece := connection.recv(65536):
        data += piece
    assert data.startswith(b"HTTP/1.1 200")
    assert b"connection: close\r\n" in data


def test_who_leaves_before_the_answer_leaves_nothing_behind(connect, good, call, running):
    for _ in range(50):
        connection = connect()
        connection.sendall(_raw(good) * 3)
        connection.close()
    end = time.monotonic() + 10
    # The request that asks for it is no inference and not counted.
    while time.monotonic() < end and not re.search(rb"in_flight{.*} 0\.0", call("/metrics")[2]):
        time.sleep(0.02)
    assert re.search(rb"fairlead_requests_in_flight{.*} 0\.0", call("/metrics")[2])
    assert call(INFER, good)[0] == 200
    assert "Traceback" not in running.log.read_text(errors="replace")


def test_what_is_no_http_is_refused(connect, good):
    connection = connect()
    connection.sendall(_raw(good)[:-5] + b"\x00\x01 HTTP\r\n\r\n" + _raw(good))
    assert connection.recv(65536).startswith(b"HTTP/1.1 400")


def test_both_ways_are_counted(connect, good, call):
    def counted():
        text = call("/metrics")[2].decode()
        found = re.search(r'^fairlead_requests_total{.*infer",status="200".*} ([0-9.]+)', text, re.M)
        return float(found[1]) if found else 0.0

    before = counted()
    connection = connect()
    for body in (good, {**good, "outputs": [{"name": "decision"}]}):
        connection.sendall(_raw(body))
        _read(connection)
    assert counted() - before == 2


def test_what_an_explainer_asks_is_not_counted(connect, good, call):
    def counted():
        text = call("/metrics")[2].decode()
        return re.findall(r"^fairlead_(?:rows_total|requests_total\{.*infer).*$", text, re.M)

    connection = connect()
    connection.sendall(_raw(good))
    _read(connection)
    before = counted()
    assert len(before) >= 2
    connection.sendall(_raw(good, **{EXPLAINS.replace("-", "_"): "1"}))
    assert _read(connection)[0][0].startswith("HTTP/1.1 200")
    assert counted() == before
