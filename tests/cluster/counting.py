"""Requests through a gateway, counted by the version that answered, and what chance alone would do to such counts."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scipy.stats import binom, chi2_contingency

TIMEOUT = 30.0
LEVEL = 0.99
"""Of the interval that a count is to be in."""


@dataclass(frozen=True)
class Gateway:
    """Where requests go.

    Args:
        address: of this machine.
        port: of the gateway.
        path: such as ``/v2/models/sba/infer``.
        body: JSON.
        host: by which the gateway knows the service; empty sends the address.
    """

    address: str
    port: int
    path: str
    body: bytes
    host: str = ""


@dataclass
class Counted:
    """What came of requests.

    Args:
        versions: how many answers each version gave.
        failed: one line for each request without an answer, or with another status than 200.
    """

    versions: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def count(gateway: Gateway, number: int, clients: int = 8) -> Counted:
    """Send so many requests and count the answers by their ``model_version``.

    Args:
        gateway: where to.
        number: how many in all.
        clients: that send at once, each on a connection that it keeps.
    """
    result, lock, left = Counted(), threading.Lock(), iter(range(number))

    def next_one() -> bool:
        with lock:
            return next(left, None) is not None

    def client() -> None:
        connection = http.client.HTTPConnection(gateway.address, gateway.port, timeout=TIMEOUT)
        while next_one():
            version, why = _ask(connection, gateway)
            with lock:
                result.versions.update([version] if version else [])
                result.failed.extend([why] if why else [])
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return result


def bounds(number: int, percent: int) -> tuple[int, int]:
    """Return the least and the most of so many requests that chance gives to a share, 99 times out of 100.

    >>> bounds(1000, 10)
    (76, 125)
    """
    low, high = binom.interval(LEVEL, number, percent / 100)
    return int(low), int(high)


def alike(counts: Sequence[tuple[int, int]]) -> float:
    """Return how probable it is that chance alone makes counts differ so much.

    Args:
        counts: of the stable model and the candidate, for each plane.
    """
    return float(chi2_contingency([list(pair) for pair in counts]).pvalue)


def _ask(connection: http.client.HTTPConnection, gateway: Gateway) -> tuple[str, str]:
    headers = {"content-type": "application/json", **({"host": gateway.host} if gateway.host else {})}
    try:
        connection.request("POST", gateway.path, gateway.body, headers)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return "", repr(error)
    if answer.status != 200:
        return "", f"{answer.status} {said[:200]!r}"
    return str(json.loads(said)["model_version"]), ""
