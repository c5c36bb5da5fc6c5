from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.serving.sinks.cloud_events import CloudEventsSink
from components.serving.sinks.kafka import KafkaSink
from components.serving.sinks.opening import SCHEMES, open_sink
from components.serving.sinks.parquet import ParquetSink
from components.serving.sinks.sqlite import SqliteSink


def test_each_scheme_opens_its_sink():
    kinds = {name: type(open_sink(f"{name}://{rest}")).__name__ for name, rest in {
        "sqlite": "/log.db", "parquet": "/log", "cloudevents+http": "h/", "cloudevents+https": "h/", "kafka": "h:1/t",
    }.items()}  # fmt: skip
    assert kinds == {
        "sqlite": "SqliteSink",
        "parquet": "ParquetSink",
        "cloudevents+http": "CloudEventsSink",
        "cloudevents+https": "CloudEventsSink",
        "kafka": "KafkaSink",
    }
    assert set(kinds) == set(SCHEMES)


def test_local_paths_are_relative_or_absolute():
    relative, absolute = open_sink("sqlite:///folder/log.db"), open_sink("parquet:////var/log")
    assert isinstance(relative, SqliteSink)
    assert isinstance(absolute, ParquetSink)
    assert (relative.path, absolute.path) == (Path("folder/log.db"), Path("/var/log"))


def test_options_are_taken_from_the_query():
    parquet = open_sink("parquet:///log?rows=5&seconds=0.5")
    assert (parquet.rows, parquet.seconds) == (5, 0.5)
    events = open_sink("cloudevents+https://host:8443/path?namespace=n&mode=response&token=a%20b")
    assert isinstance(events, CloudEventsSink)
    assert events.url == "https://host:8443/path?token=a+b"
    kafka = open_sink("kafka://a:1,b:2/topic?security.protocol=ssl")
    assert isinstance(kafka, KafkaSink)
    assert kafka.topic == "topic"
    assert kafka._options["bootstrap.servers"] == "a:1,b:2"
    assert kafka._options["security.protocol"] == "ssl"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("redis://h/x", r"unknown place for logged predictions 'redis://h/x'; allowed: sqlite:///PATH, parquet:"),
        ("log.db", "unknown place for logged predictions 'log.db'"),
        ("sqlite://log.db", r"'sqlite://log.db': found no path; allowed: sqlite:///PATH"),
        ("sqlite:///", "found no path"),
        ("sqlite:///log.db?mode=ro", "found an unknown option mode"),
        ("parquet:///log?rows=many", "found a number that is none"),
        ("parquet:///log?rows=0", "found rows=0 and seconds=60"),
        ("parquet:///log?seconds=nan", "found rows=20000 and seconds=nan"),
        ("parquet:///log?size=1", "found an unknown option size"),
        ("cloudevents+http:///path", "found no host"),
        ("cloudevents+http://h/?mode=some", "unknown mode .*'some'; allowed: all, request, response"),
        ("kafka://h:1", "found no server or not one topic"),
        ("kafka://h:1/a/b", "found no server or not one topic"),
        ("kafka:///topic", "found no server or not one topic"),
    ],
)
def test_a_wrong_uri_is_refused_with_what_is_allowed(uri, expected):
    with pytest.raises(FairleadError, match=expected):
        open_sink(uri)
