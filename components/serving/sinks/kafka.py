"""Logged predictions on a Kafka topic: one message for each row, its key the request's id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import FairleadError
from components.serving.records import Record
from components.serving.sinks.sink import NotWritten

if TYPE_CHECKING:  # only who logs to Kafka loads its library
    from confluent_kafka import KafkaError, Message, Producer

TOO_LARGE = 10
"""Kafka's error code of a message above its size limit, the library's or the broker's."""

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

        A record that is too large for a message is passed over for good, and the others go on.

        Raises:
            NotWritten: some were not confirmed.
        """
        producer = self._open()
        sent = self._send(producer, records)
        # A broker refuses messages by the batch that they came in: which of them is too large shows when each is alone.
        refused: list[Record] = []
        for number in [*sent.too_large]:
            again = self._send(producer, [records[number]])
            if again.too_large:
                refused.append(records[number])
            if not again.left or again.too_large:
                sent.left.discard(number)
        if sent.left or refused:
            reason = sent.errors[0] if sent.errors else "the broker confirmed nothing in time"
            raise NotWritten(reason, [records[number] for number in sorted(sent.left)], refused)

    def close(self) -> None:
        """Let go of the connection; every write has waited for its messages."""
        self._producer = None

    def _send(self, producer: "Producer", records: Sequence[Record]) -> "_Sent":
        from confluent_kafka import KafkaException

        sent = _Sent(set(range(len(records))))
        for number, record in enumerate(records):
            try:
                told = partial(sent.told, number)
                producer.produce(self.topic, record.as_json(), record.request_id.encode(), on_delivery=told)
            except KafkaException as error:
                sent.failed(number, error.args[0])
            except BufferError as error:  # the library's own queue is full of what the broker has not confirmed
                sent.errors.append(str(error))
                break
        producer.flush(PATIENCE_MS / 1000 + 1)
        return sent

    def _open(self) -> "Producer":
        if self._producer is None:
            from confluent_kafka import Producer

            self._producer = Producer({**self._options, **_read(self._file)})
        return self._producer


@dataclass
class _Sent:
    """What the broker says of some messages, by their number."""

    left: set[int]
    """Not confirmed."""
    too_large: list[int] = field(default_factory=list)
    """Of these, refused for their size."""
    errors: list[str] = field(default_factory=list)

    def told(self, number: int, error: "KafkaError | None", _message: "Message") -> None:
        if error is None:
            self.left.discard(number)
        else:
            self.failed(number, error)

    def failed(self, number: int, error: "KafkaError") -> None:
        self.errors.append(error.str())
        if error.code() == TOO_LARGE:
            self.too_large.append(number)


def _read(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FairleadError(f"settings of Kafka: {file} cannot be read: {error}") from error
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
