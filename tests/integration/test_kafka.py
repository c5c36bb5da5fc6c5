"""The prediction log on a real Apache Kafka broker: make test-kafka."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from components.serving.outlet import Counts
from components.serving.prediction_log import open_log
from components.serving.process import free_port, serving
from components.training.bundle import Bundle
from tests.integration import kafka_broker
from tests.serving.logged import DEADLINE, FIELDS, batch, records, until
from tests.serving.sinks.test_sink import consume

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(kafka_broker.missing()), reason=kafka_broker.missing() or "nothing is missing"),
]
HOME = Path(os.environ.get("FAIRLEAD_HOME", ".fairlead"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_broker.Broker]:
    folder = tmp_path_factory.mktemp("kafka")
    with kafka_broker.running(folder, HOME, free_port(), free_port()) as started:
        yield started


def test_what_is_logged_is_what_a_consumer_reads(broker):
    log = open_log([f"kafka://{broker.address}/predictions"], "loans", "3", "stable", fields=FIELDS)
    for i in range(50):
        log.put(batch(1 + i % 3, f"r{i}"))
    log.close(DEADLINE)
    expected = [r for i in range(50) for r in records(1 + i % 3, f"r{i}")]
    assert log.counts()["kafka"] == Counts(written=len(expected))
    found = consume(broker.address, "predictions", len(expected))
    assert sorted(found, key=_place) == sorted(((r.request_id, json.loads(r.as_json())) for r in expected), key=_place)
    # One key lies in one partition, so the rows of a request come in their order.
    for i in range(50):
        rows = [content["row"] for key, content in found if key == f"r{i}"]
        assert rows == list(range(1 + i % 3))


def _place(message):
    return message[0], message[1]["row"]


def test_a_broker_that_is_killed_and_comes_back_harms_no_request_and_loses_no_row(
    broker, signed_bundle, session_settings, tmp_path
):
    topic = "killed"
    options = ("--log", f"kafka://{broker.address}/{topic}?message.timeout.ms=1000")
    # Without an id of the client's own: the server gives each request one.
    request = json.dumps({"inputs": Bundle.open(signed_bundle).examples()[0]["request"]["inputs"]}).encode()
    with serving(str(signed_bundle), session_settings, tmp_path / "server.log", options=options) as server:
        with _clients(server.url, request) as answers:
            until(lambda: _rows(server.url)["written"] > 200)
            broker.kill()
            until(lambda: _sum(server.url, "fairlead_log_errors_total") > 0)
            broker.start()
            before = _rows(server.url)["written"]
            until(lambda: _rows(server.url)["written"] > before + 200, 60)
        until(lambda: _sum(server.url, "fairlead_log_waiting_rows") == 0, 60)
        rows = _rows(server.url)
    assert [a for a in answers if a[0] != 200] == []
    assert rows == {"written": len(answers), "failed": 0, "dropped": 0, "left_out": 0}
    # While the broker is down nobody waits for it; its start loads the machine, so only the worst is bounded.
    assert max(seconds for _, seconds in answers) < 2
    # Every row is there; one whose confirmation was lost may be there twice.
    messages = consume(broker.address, topic, len(answers))
    assert len({key for key, _ in messages}) == len(answers)
    slowest = max(seconds for _, seconds in answers) * 1000
    print(f"{len(answers)} requests, all answered; {rows}; {len(messages)} messages; slowest {slowest:.0f} ms")


def test_what_a_broker_that_stays_down_costs_is_counted(broker):
    uri = f"kafka://{broker.address}/gone?message.timeout.ms=500"
    log = open_log([uri], "loans", "3", "stable", fields=FIELDS, capacity_rows=300)
    for i in range(100):
        log.put(batch(1, f"before {i}"))
    until(lambda: log.counts()["kafka"].written == 100)
    broker.kill()
    try:
        start = time.thread_time()
        for i in range(1000):
            log.put(batch(1, f"after {i}"))
        each = (time.thread_time() - start) / 1000
        until(lambda: log.counts()["kafka"].errors > 0)
        log.close(1)
        counts = log.counts()["kafka"]
    finally:
        broker.start()
    assert (counts.written, counts.dropped, counts.waiting) == (100, 1000, 0)
    assert each < 1e-3
    found = [key for key, _ in consume(broker.address, "gone", 100)]
    assert set(found) == {f"before {i}" for i in range(100)}


@contextmanager
def _clients(url, request, threads=2):
    """Keep asking from several clients for as long as the block lasts; gives (status, seconds) of each request."""
    answers: list[tuple[int, float]] = []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            start = time.monotonic()
            post = urllib.request.Request(f"{url}/v2/models/sba_loans/infer", request)  # noqa: S310  our own loopback
            try:
                with urllib.request.urlopen(post, timeout=30) as response:  # noqa: S310
                    status = response.status
            except urllib.error.HTTPError as error:
                status = error.code
            answers.append((status, time.monotonic() - start))
            stop.wait(0.002)

    clients = [threading.Thread(target=ask) for _ in range(threads)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        stop.set()
        for client in clients:
            client.join()


def _samples(url, name):
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:  # noqa: S310  our own loopback
        text = response.read().decode()
    return [s for f in text_string_to_metric_families(text) for s in f.samples if s.name == name]


def _rows(url):
    return {s.labels["result"]: int(s.value) for s in _samples(url, "fairlead_log_rows_total")}


def _sum(url, name):
    return sum(s.value for s in _samples(url, name))
