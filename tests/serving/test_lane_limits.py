"""A server at its limits: as many requests as it takes, as long as they may take, and told to stop."""

import json
import os
import re
import signal
import socket
import time
from urllib.parse import urlsplit

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

INFER = "/v2/models/sba_loans/infer"
PREDICT = "/v1/models/sba_loans:predict"
TIMEOUT = "x-envoy-expected-rq-timeout-ms"


@pytest.fixture(scope="module")
def tight(serve):
    """A server that takes one request at a time, and none for long."""
    with serve("--max-in-flight", "1", "--deadline-ms", "30000", "--max-body", "5000000", grpc=True) as server:
        yield server


def _open(server, headers=(), sent="{", path=INFER):
    """Begin a request that says it has a hundred bytes, and send one of them."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    head = "".join(f"{k}: {v}\r\n" for k, v in {"host": "x", "content-length": 100, **dict(headers)}.items())
    connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n{sent}".encode())
    return connection


def _busy(server, good):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = server.send(INFER, good)
        if found[0] == 503:
            return found
    raise AssertionError("the request under way was not counted")


def test_the_requests_under_way_can_be_seen(tight):
    def seen(count):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            text = tight.send("/metrics")[2].decode()
            if re.search(rf"^fairlead_requests_in_flight{{.*}} {count}\.0$", text, re.MULTILINE):
                return True
        return False

    assert seen(0)
    with _open(tight):
        assert seen(1)
    assert seen(0)


def test_more_requests_than_allowed_are_sent_away_to_come_again(tight, good):
    with _open(tight) as first:
        status, headers, body = _busy(tight, good)
        assert (status, headers["retry-after"]) == (503, "1")
        assert "1 requests are under way, as many as are taken at once" in json.loads(body)["error"]
        assert tight.send(PREDICT, {"instances": [{}]})[0] == 503
        assert tight.send("/v2/health/ready")[0] == 200
        with grpc.insecure_channel(tight.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
            GRPCInferenceServiceStub(channel).ModelInfer(pb.ModelInferRequest(model_name="sba_loans"))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        first.sendall(b" " * 99)
        assert first.recv(100).startswith(b"HTTP/1.1 400")
    assert tight.send(INFER, good)[0] == 200


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(tight, good):
    for _ in range(3):
        with _open(tight):
            _busy(tight, good)
        end = time.monotonic() + 10
        while time.monotonic() < end and tight.send(INFER, good)[0] != 200:
            pass
        assert tight.send(INFER, good)[0] == 200
    assert "Traceback" not in tight.log.read_text()


@pytest.mark.parametrize("sent", ["", "{"], ids=["a head alone", "a part of it"])
@pytest.mark.parametrize("path", [INFER, PREDICT, "/v1/models/sba_loans:explain"])
def test_a_body_that_does_not_come_in_time_is_not_waited_for(tight, good, path, sent):
    with _open(tight, {TIMEOUT: 50}, sent, path) as slow:
        slow.settimeout(10)
        answer = b""
        while piece := slow.recv(1000):  # to its end: what came of it later would be read as another request
            answer += piece
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"connection: close\r\n" in answer
        assert tight.send(INFER, good)[0] == 200


@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_a_deadline_that_is_none_is_refused(tight, path):
    status, _, answer = tight.send(path, b"{}", {TIMEOUT: "soon"})
    assert (status, json.loads(answer)["error"]) == (
        400,
        f"header {TIMEOUT}: found 'soon', allowed: whole milliseconds",
    )


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_sends_too_much_gets_an_answer_when_all_is_sent(tight, version):
    address = urlsplit(tight.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(f"POST {INFER} HTTP/{version}\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n".encode())
        for _ in range(20):
            connection.sendall(b" " * 1_000_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_told_to_stop_it_says_so_answers_what_comes_and_ends(serve, good):
    with serve("--drain-seconds", "1.5") as server:
        with _open(server, {"content-length": len(json.dumps(good))}) as under_way:
            assert server.send(INFER, good)[0] == 200
            os.kill(server.pid, signal.SIGTERM)
            end = time.monotonic() + 1
            while time.monotonic() < end and server.send("/v2/health/ready")[0] != 503:
                pass
            status, _, body = server.send("/v2/health/ready")
            assert (status, "stopping" in json.loads(body)["error"]) == (503, True)
            assert server.send("/v2/models/sba_loans/ready")[0] == 503
            # So that clients that keep their connections go elsewhere before the door is shut.
            address = urlsplit(server.url)
            for body in (good, {**good, "outputs": [{"name": "decision"}]}, {}):
                assert server.send(INFER, body)[1]["connection"] == "close"
                with socket.create_connection((address.hostname, address.port), timeout=10) as kept:
                    content = json.dumps(body).encode()
                    head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n\r\n"
                    kept.sendall(head.encode() + content)
                    answer = b"".join(iter(lambda: kept.recv(1000), b""))
                    assert b"connection: close\r\n" in answer
            assert server.send("/v2")[1]["connection"] == "close"
            _until_closed(server)
            # Begun before the signal, ended after the door was shut.
            under_way.sendall(json.dumps(good).encode()[1:])
            assert under_way.recv(100).startswith(b"HTTP/1.1 200")
        end = time.monotonic() + 10
        while time.monotonic() < end and os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.02)
        left = os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert (left.si_code, left.si_status) == (os.CLD_EXITED, 0)
    assert "Traceback" not in server.log.read_text()


def _until_closed(server):
    address = urlsplit(server.url)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex((address.hostname, address.port)) != 0:
                return
        time.sleep(0.02)
    raise AssertionError("the server still listens")
