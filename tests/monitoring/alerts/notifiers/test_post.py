import socket
import threading
import time

import pytest
from pydantic import SecretStr

from components.monitoring.alerts.notifiers.notifier import NotTold
from components.monitoring.alerts.notifiers.post import PAUSE, Post
from tests.serving.receiver import receiving


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (503, 3), (429, 3), (400, 1), (404, 1), (301, 1)])
def test_only_what_another_attempt_may_mend_is_tried_again(status, attempts):
    pauses = []
    with receiving() as received:
        received.status = status
        with pytest.raises(NotTold, match=f"status {status}"):
            Post(SecretStr(received.url), sleep=pauses.append)({"a": 1})
    assert len(received.requests) == attempts
    assert pauses == [PAUSE, 2 * PAUSE][: attempts - 1]


def test_an_attempt_that_gets_through_is_enough():
    with receiving() as received:
        received.status = 503

        def mended(_):
            received.status = 200

        Post(SecretStr(received.url), sleep=mended)({"a": 1}, {"idempotency-key": "k"})
    assert [(body, headers["idempotency-key"]) for _, headers, body in received.requests] == [(b'{"a":1}', "k")] * 2


def test_one_who_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted = []
        thread = threading.Thread(target=lambda: accepted.extend(listening.accept()[0] for _ in range(2)))
        thread.start()
        begin = time.monotonic()
        url = SecretStr(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(NotTold, match=r"cannot be reached \(ReadTimeoutError\)"):
            Post(url, timeout=0.1, tries=2, sleep=lambda _: None)({})
        assert 0.2 <= time.monotonic() - begin < 5
        thread.join()
        for connection in accepted:
            connection.close()
