"""A client that asks all the time, and remembers what came of each request."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.cluster.counting import Counted, Gateway, count


@dataclass
class Asked:
    """What came of all requests so far.

    Args:
        counted: answers by version, and failures.
        seconds: when each failure was, since the first request.
    """

    counted: Counted = field(default_factory=Counted)
    seconds: list[float] = field(default_factory=list)

    @property
    def versions(self) -> Counter[str]:
        """Answers by version."""
        return self.counted.versions

    @property
    def failed(self) -> list[str]:
        """A line for each request that failed, and when."""
        return [f"{at:.1f} s: {why}" for at, why in zip(self.seconds, self.counted.failed, strict=True)]


@contextmanager
def steady(gateway: Gateway, a_second: float = 40.0, clients: int = 4) -> Iterator[Asked]:
    """Ask at a steady rate until the context ends, whatever is answered.

    Args:
        gateway: where to.
        a_second: requests, of all clients together.
        clients: each with one request under way at most.
    """
    asked, over, lock, begun = Asked(), threading.Event(), threading.Lock(), time.monotonic()

    def client() -> None:
        while not over.wait(clients / a_second):
            one = count(gateway, 1, 1)
            with lock:
                asked.counted.versions.update(one.versions)
                asked.counted.failed.extend(one.failed)
                asked.seconds.extend([time.monotonic() - begun] * len(one.failed))

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        over.set()
        for thread in threads:
            thread.join()
