"""One worker: how it is started, what it is given, how its death is told."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from pipelines.catalogue import compiled
from pipelines.runners.worker_process import Order, Worker, carried, end
from tests.pipelines.orders import PATIENCE, gone, order, tell_process


@pytest.fixture
def start() -> Iterator[Callable[[Order], Worker]]:
    """What starts a worker for an order."""
    workers = []

    def started(first: Order) -> Worker:
        workers.append(Worker(first.setting, first))
        return workers[-1]

    yield started
    for worker in workers:
        worker.kill()


def soon() -> float:
    return time.monotonic() + PATIENCE


def test_an_answer_tells_status_memory_and_processor_time(start: Callable[[Order], Worker], tmp_path: Path) -> None:
    first = order(tell_process, tmp_path, out=str(tmp_path / "process"))
    worker = start(first)
    answer = worker.run(first, soon())
    assert (tmp_path / "process").read_text() == str(worker.process.pid)
    assert answer["status"] == 0
    assert 1e7 < answer["memory"] < 1e9
    assert 0 < answer["cpu"] == worker.cpu_seconds < 60
    assert worker.steps == 1


def test_idle_workers_end_in_good_order(start: Callable[[Order], Worker], tmp_path: Path) -> None:
    orders = [order(tell_process, tmp_path, out=str(tmp_path / "process")) for _ in range(2)]
    workers = [start(o) for o in orders]
    for worker, given in zip(workers, orders, strict=True):
        worker.run(given, soon())
    end(workers)
    assert [w.process.returncode for w in workers] == [0, 0]


def says_goodbye(out: str):
    import atexit
    from pathlib import Path

    atexit.register(Path(out).write_text, "goodbye")


def test_what_is_to_be_done_at_exit_is_done(start: Callable[[Order], Worker], tmp_path: Path) -> None:
    first = order(says_goodbye, tmp_path, out=str(tmp_path / "out"))
    worker = start(first)
    worker.run(first, soon())
    assert not (tmp_path / "out").exists()
    end([worker])
    assert (tmp_path / "out").read_text() == "goodbye"


def test_a_worker_that_cannot_start_tells_why_in_the_log(start: Callable[[Order], Worker], tmp_path: Path) -> None:
    first = order(tell_process, tmp_path, out=str(tmp_path / "process"))
    first = replace(first, environment={**first.environment, "PYTHONHOME": str(tmp_path)})
    with pytest.raises(FairleadError, match="its process ended with status 1 in the middle of the step"):
        start(first).run(first, soon())
    assert "Fatal Python error" in first.log.read_text()


def exit_at_once():
    import os

    os._exit(7)


def kill_oneself():
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def crash():
    import ctypes

    ctypes.string_at(0)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (exit_at_once, "its process ended with status 7 in the middle of the step"),
        (kill_oneself, "its process was ended by SIGKILL in the middle of the step, as the system does when memory"),
        (crash, "its process was ended by SIGSEGV in the middle of the step"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_death_is_told(
    start: Callable[[Order], Worker], tmp_path: Path, step: Callable[..., None], text: str
) -> None:
    first = order(step, tmp_path)
    worker = start(first)
    with pytest.raises(FairleadError, match=text):
        worker.run(first, soon())
    assert not worker.alive


def leaves_a_child(out: str):
    import os
    import subprocess
    import sys
    from pathlib import Path

    # It inherits all files, the worker's own channel too.
    for held in range(3, 64):
        try:
            os.set_inheritable(held, True)
        except OSError:
            continue
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    Path(out).write_text(str(child.pid))
    os._exit(7)


def test_a_death_is_noticed_though_a_child_lives_on(start: Callable[[Order], Worker], tmp_path: Path) -> None:
    first = order(leaves_a_child, tmp_path, out=str(tmp_path / "child"))
    try:
        with pytest.raises(FairleadError, match="status 7"):
            start(first).run(first, soon())
        assert not gone(int((tmp_path / "child").read_text()))
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_every_step_of_the_training_pipeline_can_be_run_by_a_worker() -> None:
    spec = next(yaml.safe_load_all(compiled("training").read_text(encoding="utf-8")))
    for name, executor in spec["deploymentSpec"]["executors"].items():
        container = executor["container"]
        found = carried([*container["command"], *container["args"]])
        assert found is not None, name
        code, arguments = found
        assert f"def {name.removeprefix('exec-').replace('-', '_')}(" in code
        assert arguments[::2] == ("--executor_input", "--function_to_execute")
