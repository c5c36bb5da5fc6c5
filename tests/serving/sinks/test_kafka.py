import json

import pytest

from components.core.errors import FairleadError
from components.serving.sinks.kafka import KafkaSink
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
