"""Logged predictions on a Kafka topic: one message for each row, its key the request's id."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import FairleadError
from components.serving.records import Record
from components.serving.sinks.sink import NotWritten

if TYPE_CHECKING:  # only who logs to Kafka loads its library
    from confluent_kafka import KafkaError, Message, Producer

PATIENCE_MS = 5_000
"""How long the library tries to deliver a message."""

DEFAULTS: dict[str, Any] = {
    # No message is lost or doubled by the library's own retries, and their order within a request's rows is kept.
    "enable.idempotence": True,
    "linger.ms": 5,
    "compression.type": "lz4",
    "message.timeout.ms": PATIENCE_MS,
    # A broker that is back is found within a second; the library's own ten would be lost to the log.
    "reconnect.backoff.max.ms": 1_000,
    "log_level": 0,
}


class KafkaSink:
    """Sends records to a topic and waits for the broker to confirm each.

    A message that was not confirmed in time is handed in again, so one may be there twice: equal in key, row, version,
    variant and time.

    Args:
        servers: ``HOST:PORT``, several with commas.
        topic: where to.
        options: further settings of librdkafka, for example ``security.protocol``.
        file: a file of such settings, ``NAME=VALUE`` a line, for those that are secret.
    """

    name = "kafka"
    rows = 500
    seconds = 0.1

    def __init__(
        self, servers: str, topic: str, options: Mapping[str, str] | None = None, file: Path | None = None
    ) -> None:
        self.topic = topic
        self._options = {**DEFAULTS, **(options or {}), "bootstrap.servers": servers}
        self._file = file
        self._producer: Producer | None = None

    def write(self, records: Sequence[Record]) -> None:
        """Send records and wait until each is confirmed or given up.

        Raises:
            NotWritten: some were not confirmed.
        """
        producer = self._open()
        left: dict[int, Record] = dict(enumerate(records))
        errors: list[str] = []
        for number, record in enumerate(records):
            told = partial(_told, left, errors, number)
            producer.produce(self.topic, record.as_json(), record.request_id.encode(), on_delivery=told)
        producer.flush(PATIENCE_MS / 1000 + 1)
        if left:
            raise NotWritten(errors[0] if errors else "the broker confirmed nothing in time", list(left.values()))

    def close(self) -> None:
        """Let go of the connection; every write has waited for its messages."""
        self._producer = None

    def _open(self) -> "Producer":
        if self._producer is None:
            from confluent_kafka import Producer

            self._producer = Producer({**self._options, **_read(self._file)})
        return self._producer


def _told(
    left: dict[int, Record], errors: list[str], number: int, error: "KafkaError | None", _message: "Message"
) -> None:
    """Take note of what the broker says of one message."""
    if error is None:
        left.pop(number, None)
    else:
        errors.append(error.str())


def _read(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FairleadError(f"settings of Kafka: {file} cannot be read: {error}") from error
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
