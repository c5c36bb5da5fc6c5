from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from tests.serving.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as received:
        yield received


@pytest.fixture(scope="session")
def brokers() -> Iterator[str]:
    """Address of a broker as librdkafka mocks it: good for the wiring alone; a real one runs under make test-kafka."""
    owner = Producer({"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    owner.flush(0)
