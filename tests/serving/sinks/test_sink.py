"""What every sink must do, whatever stands behind it."""

import json
import socket
from collections.abc import Callable
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition

from components.serving.prediction_log_reader import read
from components.serving.sinks import kafka
from components.serving.sinks.opening import SCHEMES, open_sink
from components.serving.sinks.sink import NotWritten
from tests.serving.logged import records

KINDS = ("sqlite", "parquet", "cloudevents+http", "kafka")
not_checked_here = {"cloudevents+https": "the same code; only the connection differs"}


def consume(brokers: str, topic: str, expected: int) -> list[tuple[str, dict]]:
    """Read a topic from its beginning until so many different rows have come; gives keys and contents."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "g", "log_level": 0, "enable.auto.commit": False})
    found = []
    rows = set()
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        while len(rows) < expected:
            message = consumer.poll(10)
            assert message is not None, f"only {len(rows)} of {expected} rows came"
            assert message.error() is None, message.error()
            found.append((message.key().decode(), json.loads(message.value())))
            rows.add((found[-1][0], found[-1][1]["row"]))
    finally:
        consumer.close()
    return found


@pytest.fixture
def place(request, tmp_path) -> tuple[str, Callable[[], list[tuple[str, int]]]]:
    """A URI, and how to see which rows are there."""
    if request.param in ("sqlite", "parquet"):
        uri = f"{request.param}:///{tmp_path / 'log'}"
        return uri, lambda: read(uri, columns=["request_id", "row"]).rows()
    if request.param == "kafka":
        brokers = request.getfixturevalue("brokers")
        topic = tmp_path.name
        expected = 8
        return f"kafka://{brokers}/{topic}", lambda: [
            (key, content["row"]) for key, content in consume(brokers, topic, expected)
        ]
    receiver = request.getfixturevalue("receiver")

    def sent():
        bodies = [json.loads(body) for _, headers, body in receiver.requests if headers["ce-type"].endswith("request")]
        return [(b["id"], i) for b in bodies for i in range(b["inputs"][0]["shape"][0])]

    return f"cloudevents+{receiver.url}/", sent


def test_every_kind_is_checked():
    assert set(KINDS) | set(not_checked_here) == set(SCHEMES)


@pytest.mark.parametrize("place", KINDS, indirect=True)
def test_what_is_written_is_there_before_and_after_closing(place):
    uri, there = place
    sink = open_sink(uri)
    sink.write([*records(3, "a"), *records(1, "b")])
    sink.close()
    sink.close()
    sink.write(records(4, "c"))  # opened again by itself
    sink.close()
    assert sorted(there()) == sorted([*(("a", i) for i in range(3)), ("b", 0), *(("c", i) for i in range(4))])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_opened_before_the_first_write(kind, tmp_path):
    place = tmp_path / "nothing" if kind in ("sqlite", "parquet") else "127.0.0.1:9/topic"
    sink = open_sink(f"{kind}://{'/' if kind in ('sqlite', 'parquet') else ''}{place}")
    sink.close()
    assert list(tmp_path.iterdir()) == []
    assert sink.name in kind
    assert sink.rows >= 1
    assert sink.seconds >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_that_fails_says_what_is_left(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(kafka, "PATIENCE_MS", 300)
    monkeypatch.setitem(kafka.DEFAULTS, "message.timeout.ms", 300)
    (tmp_path / "file").write_text("in the way")
    with closing(socket.socket()) as nobody:  # bound and not listening: it refuses
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}/topic"
        local = kind in ("sqlite", "parquet")
        sink = open_sink(f"{kind}:///{tmp_path / 'file' / 'log'}" if local else f"{kind}://{address}")
        made = records(3)
        with pytest.raises(Exception) as caught:  # noqa: PT011  whichever: the outlet takes any
            sink.write(made)
        sink.close()
    left = caught.value.records if isinstance(caught.value, NotWritten) else made
    assert left == made
