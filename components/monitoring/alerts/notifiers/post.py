"""Posting an event over HTTP: with a time-out, a few attempts, and no address in any error."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson
from pydantic import SecretStr

from components.monitoring.alerts.notifiers.notifier import NotTold

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TRIES = 3
TIMEOUT = 3.0
"""Seconds for one attempt to connect, and to wait for the answer."""
PAUSE = 0.2
"""Seconds before the second attempt, twice as long before the third."""

MEND = (408, 425, 429)
"""Of the answers that blame the request, those that another attempt may mend."""


class Post:
    """Posts JSON to one address; all in all it takes ``tries * (timeout + pause)`` seconds or so.

    Args:
        url: where to; it may hold a secret, so it is shown nowhere.
        timeout: seconds for one attempt.
        tries: most attempts.
        sleep: waits between them.
    """

    def __init__(
        self, url: SecretStr, timeout: float = TIMEOUT, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import urllib3

        self._url = url
        self._tries = tries
        self._sleep = sleep
        # An answer that sends the request elsewhere is not followed: the payload is for this address.
        self._http = urllib3.PoolManager(retries=False, timeout=timeout)

    def __call__(self, document: object, headers: Mapping[str, str] | None = None) -> None:
        """Post a document.

        Args:
            document: JSON values.
            headers: beside the content type.

        Raises:
            NotTold: no attempt was answered with a status from 200 to 299.
        """
        body = orjson.dumps(document)
        words = {"content-type": "application/json", **(headers or {})}
        for attempt in range(1, self._tries + 1):
            problem = self._once(body, words)
            if problem is None:
                return
            if problem.refused or attempt == self._tries:
                raise problem
            self._sleep(PAUSE * 2 ** (attempt - 1))

    def _once(self, body: bytes, headers: Mapping[str, str]) -> NotTold | None:
        from urllib3.exceptions import HTTPError

        try:
            answer = self._http.request("POST", self._url.get_secret_value(), body=body, headers=headers)
        except HTTPError as error:
            # Its text has the address in it, its cause too.
            return NotTold(f"it cannot be reached ({type(error).__name__})")
        return _fault(answer)


def _fault(answer: "BaseHTTPResponse") -> NotTold | None:
    if 200 <= answer.status < 300:
        return None
    refused = 300 <= answer.status < 500 and answer.status not in MEND
    return NotTold(f"it answers with status {answer.status}", refused=refused)
