import os
import socket

import pytest

from components.core.errors import FairleadError
from components.serving.process import HOST, TAIL, free_port, serving, tail


def test_the_process_is_stopped_when_the_block_fails(signed_bundle, session_settings, tmp_path):
    pids = []

    def fail():
        with serving(str(signed_bundle), session_settings, tmp_path / "log", ready=False) as server:
            pids.append(server.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_process_that_is_not_up_in_time_is_told_with_its_log(signed_bundle, session_settings, tmp_path):
    with (
        pytest.raises(FairleadError, match=r"not up within 0\.05 s; last answer: none\. Its log:"),
        serving(str(signed_bundle), session_settings, tmp_path / "log", deadline=0.05),
    ):
        pass


def test_a_free_port_can_be_listened_on():
    with socket.socket() as s:
        s.bind((HOST, free_port()))


def test_the_tail_of_a_log_is_its_end(tmp_path):
    (tmp_path / "log").write_bytes(b"\xff first\n" + b"".join(b"%d\n" % i for i in range(TAIL)))
    lines = tail(tmp_path / "log").splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("0", str(TAIL - 1), TAIL)
