import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines.benchmarks.serving import pinned
from pipelines.benchmarks.serving.pinned import Cores, Process

# A parent with a child that both wait; the child tells its number.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
time.sleep(60)
"""

# A parent whose child counts for a while and ends.
BUSY = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "for i in range(10**7): pass"])
time.sleep(60)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Process]:
    process = pinned.start([sys.executable, "-c", FAMILY], os.environ, tmp_path / "log")
    try:
        pinned.wait(process, lambda: "child" in process.tail(), 20)
        yield process
    finally:
        process.stop()


def child_of(process: Process) -> int:
    return int(process.tail().split()[1])


def state(pid: int) -> str:
    """Return the process's state letter, X when it is no more."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


def becomes(pid: int, states: str) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if state(pid) in states:
            return True
    return False


def test_the_tree_is_pinned_held_and_let_go_together(family: Process) -> None:
    child = child_of(family)
    assert family.tree() == [family.root.pid, child]
    core = Cores.choose().server
    family.pin(core)
    assert os.sched_getaffinity(child) == {core}
    family.hold()
    assert becomes(child, "T")
    assert becomes(family.root.pid, "T")
    family.go_on()
    assert becomes(child, "SR")


def test_stopping_ends_children_too_even_when_held(family: Process) -> None:
    child = child_of(family)
    family.hold()
    family.stop()
    assert family.ended()
    assert becomes(child, "XZ")
    family.stop()  # again is harmless


def test_processor_time_counts_ended_children_and_its_end_is_noticed(tmp_path: Path) -> None:
    process = pinned.start([sys.executable, "-c", BUSY], os.environ, tmp_path / "log")
    try:
        assert process.settle() + process.cpu_seconds() > 0.1
        assert process.settle() <= 0.1
    finally:
        process.stop()


def test_a_program_that_ends_before_it_is_up_shows_its_log(tmp_path: Path) -> None:
    process = pinned.start([sys.executable, "-c", "print('no such model'); exit(3)"], os.environ, tmp_path / "log")
    with pytest.raises(FairleadError, match=r"status 3(.|\n)*no such model"):
        pinned.wait(process, lambda: False, 20)
    process.stop()


def test_a_program_that_is_not_up_in_time_is_an_error(family: Process) -> None:
    with pytest.raises(FairleadError, match="not up within"):
        pinned.wait(family, lambda: False, 0.1)
