import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from components.core.errors import FairleadError
from components.rollout.prometheus import MOST_POINTS, Prometheus
from components.serving.process import free_port


@pytest.fixture
def server():
    """Prometheus as its API answers; gives what it was asked, what it has to say, and its URL."""
    asked, says = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append({k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()})
            status, text = says[0] if len(says) == 1 else says.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
        thread.start()
        yield asked, says, f"http://127.0.0.1:{made.server_port}/"
        made.shutdown()
        thread.join()


def matrix(*series):
    result = [{"metric": {"__name__": "n", **labels}, "values": values} for labels, values in series]
    return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def test_points_come_by_series_and_time(server):
    asked, says, url = server
    says.append(matrix(({"pod": "a"}, [[10, "1"], [20.0, "3"]]), ({"pod": "b"}, [[20, "7"]])))
    first, second = Prometheus(url).range("n{}", 10, 20, 10)
    assert (first.labels, first.points) == ({"pod": "a"}, {10: 1.0, 20: 3.0})
    assert second.points == {20: 7.0}
    assert asked == [{"query": "n{}", "start": "10", "end": "20", "step": "10"}]


def test_a_long_time_is_asked_for_in_pieces(server):
    asked, says, url = server
    says += [matrix(({}, [[0, "1"]])), matrix(({}, [[10 * MOST_POINTS, "2"]]))]
    (found,) = Prometheus(url).range("n", 0, 10 * MOST_POINTS, 10)
    assert found.points == {0: 1.0, 10 * MOST_POINTS: 2.0}
    assert [(a["start"], a["end"]) for a in asked] == [
        ("0", str(10 * (MOST_POINTS - 1))),
        (str(10 * MOST_POINTS), str(10 * MOST_POINTS)),
    ]


def test_a_refusal_is_told_with_the_query(server):
    _, says, url = server
    says.append((400, b'{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}'))
    with pytest.raises(FairleadError, match=r"refuses n\{: parse error: unexpected end"):
        Prometheus(url).range("n{", 0, 1, 1)


def test_what_is_no_prometheus_is_told(server):
    _, says, url = server
    says.append((502, b"<html>"))
    with pytest.raises(FairleadError, match="answers 502 with what is no answer of its API"):
        Prometheus(url).range("n", 0, 1, 1)


def test_one_that_is_not_there_is_told():
    with pytest.raises(FairleadError, match="cannot be reached"):
        Prometheus(f"http://127.0.0.1:{free_port()}").range("n", 0, 1, 1)
