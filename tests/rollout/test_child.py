"""One process kept running: pauses grow, a settled one is forgiven, none outlives who started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.rollout import child as module
from components.rollout.child import Child

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
FAIL = [sys.executable, "-S", "-c", "raise SystemExit(3)"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def until(done: Callable[[], bool], what: Callable[[], None] = lambda: None) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        what()
        time.sleep(0.005)


def end_of(child: Child) -> None:
    child.stop()
    until(lambda: child.status == "stopped", child.look)


def test_it_runs_and_ends_when_asked(tmp_path: Path) -> None:
    child = Child(SLEEP, tmp_path / "log")
    child.look()
    assert child.status == "running"
    end_of(child)
    assert child.exit_status == -signal.SIGTERM
    child.look()
    assert child.report()["pid"] is None
    assert child.starts == 1


def test_pauses_double_until_the_longest(tmp_path: Path) -> None:
    clock = Clock()
    child = Child(FAIL, tmp_path / "log", clock)
    pauses = []
    for _ in range(9):
        child.look()
        until(lambda: child.status == "pausing", child.look)
        began = clock.now
        while child.status == "pausing":
            clock.now += 0.125
            child.look()
        pauses.append(clock.now - began)
    assert pauses == [0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 30]
    assert child.exit_status == 3
    assert child.failures == 9
    end_of(child)


def test_who_settled_is_forgiven(tmp_path: Path) -> None:
    clock = Clock()
    child = Child(SLEEP, tmp_path / "log", clock)
    child.failures = 5
    child.look()
    clock.now += module.SETTLED
    pid = child.report()["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    until(lambda: child.status == "pausing", child.look)
    assert (child.failures, child.exit_status) == (1, -signal.SIGKILL)
    end_of(child)


def test_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    clock = Clock()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child([sys.executable, "-S", "-c", deaf], tmp_path / "log", clock)
    child.look()
    until(lambda: (tmp_path / "log").read_text() == "up\n")
    child.stop()
    child.look()
    assert child.status == "stopping"
    clock.now += module.STOP_SECONDS
    until(lambda: child.status == "stopped", child.look)
    assert child.exit_status == -signal.SIGKILL


def test_a_command_that_is_not_there_is_told_in_the_log(tmp_path: Path) -> None:
    child = Child(["no-such-command"], tmp_path / "log")
    child.look()
    assert (child.status, child.failures) == ("pausing", 1)
    assert "no-such-command could not be started" in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word to children is Linux's")
def test_it_ends_with_who_started_it_however_that_ends(tmp_path: Path) -> None:
    parent = (
        "import sys, time; from pathlib import Path; from components.rollout.child import Child\n"
        f"child = Child({SLEEP!r}, Path({str(tmp_path / 'log')!r})); child.look()\n"
        "print(child.report()['pid'], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(pid, 0)
        process.kill()
    until(lambda: gone(pid))


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
