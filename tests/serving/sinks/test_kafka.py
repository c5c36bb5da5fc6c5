import json

import pytest
from confluent_kafka import KafkaError

from components.core.errors import FairleadError
from components.serving.sinks.kafka import KafkaSink
from components.serving.sinks.sink import NotWritten
from tests.serving.logged import records
from tests.serving.sinks.test_sink import consume


def test_a_row_is_a_message_under_its_request(brokers):
    sink = KafkaSink(brokers, "rows")
    made = [*records(2, "a"), *records(1, "b")]
    sink.write(made)
    found = consume(brokers, "rows", 3)
    assert sorted(found, key=lambda f: (f[0], f[1]["row"])) == [(r.request_id, json.loads(r.as_json())) for r in made]


def test_settings_come_from_the_uri_and_from_a_file(brokers, tmp_path):
    file = tmp_path / "kafka.properties"
    file.write_text("# secret\nsasl.password = x=y\n\nclient.id=fairlead\n")
    sink = KafkaSink(brokers, "settings", {"linger.ms": "1"}, file)
    sink.write(records(1))
    sink.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"no.such": "1"}, "No such configuration property"), ({"acks": "many"}, "Invalid value .*acks")],
)
def test_a_wrong_setting_fails_the_write_and_says_which(brokers, options, expected):
    with pytest.raises(Exception, match=expected):
        KafkaSink(brokers, "settings", options).write(records(1))


def test_a_missing_file_is_named(brokers, tmp_path):
    with pytest.raises(FairleadError, match=r"settings of Kafka: .*nothing cannot be read"):
        KafkaSink(brokers, "settings", file=tmp_path / "nothing").write(records(1))


def test_a_row_too_large_for_a_message_is_passed_over_alone(brokers):
    sink = KafkaSink(brokers, "large", {"message.max.bytes": "2000"})
    made = [*records(1, "a"), *records(1, "b" * 3000), *records(1, "c")]
    with pytest.raises(NotWritten, match="too large") as caught:
        sink.write(made)
    assert (caught.value.refused, caught.value.records) == ([made[1]], [])
    assert sorted(key for key, _ in consume(brokers, "large", 2)) == ["a", "c"]


class Limited:
    """A producer whose broker has a limit for a batch, which the one at hand has not."""

    def __init__(self, limit):
        self.limit, self.waiting, self.taken = limit, [], []

    def produce(self, _topic, value, key, on_delivery):
        self.waiting.append((value, key, on_delivery))

    def flush(self, _seconds):
        batch, self.waiting = self.waiting, []
        error = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE) if sum(len(m[0]) for m in batch) > self.limit else None
        for _, key, told in batch:
            if error is None:
                self.taken.append(key.decode())
            told(error, None)


def test_a_batch_refused_for_its_size_loses_only_what_is_too_large_alone(monkeypatch):
    sink, producer = KafkaSink("none:1", "large"), Limited(2000)
    monkeypatch.setattr(sink, "_open", lambda: producer)
    made = [*records(1, "a"), *records(1, "b" * 3000), *records(1, "c")]
    with pytest.raises(NotWritten) as caught:
        sink.write(made)
    assert (caught.value.refused, caught.value.records, producer.taken) == ([made[1]], [], ["a", "c"])
