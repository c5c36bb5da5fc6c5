"""The pool: which worker a step gets, and what ends one."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from kfp import compiler, dsl

from components.core.errors import FairleadError
from pipelines.benchmarks import overhead
from pipelines.runners import local
from pipelines.runners.workers import Workers
from tests.pipelines.orders import PATIENCE, gone, hang, order, tell_process, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers()
    yield pool
    pool.close()


def ran_by(workers: Workers, home: Path, code_version: str = "1") -> int:
    """Run a step and return the process that ran it."""
    assert workers.run(order(tell_process, home, code_version, out=str(home / "process")), PATIENCE) == 0
    return int((home / "process").read_text())


def meet(mine: str, other: str):
    import os
    import time
    from pathlib import Path

    Path(mine).write_text(str(os.getpid()))
    deadline = time.monotonic() + 60
    while not Path(other).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_steps_side_by_side_get_a_worker_each_and_later_ones_take_those_again(workers: Workers, tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(workers.run, order(meet, tmp_path, mine=m, other=o), PATIENCE) for m, o in ((a, b), (b, a))]
        assert [e.result() for e in ends] == [0, 0]
    processes = {int(Path(path).read_text()) for path in (a, b)}
    assert len(processes) == 2
    # The threads that asked for them are gone by now; the workers are not.
    assert set(workers.processes()) == processes
    assert ran_by(workers, tmp_path) in processes


def test_other_code_other_variables_another_folder_or_a_home_made_anew_never_meet_an_old_worker(
    workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    seen = [ran_by(workers, home)]
    monkeypatch.setenv("FAIRLEAD_ACTOR", "somebody else")
    assert ran_by(workers, home) == seen[0]
    seen.append(ran_by(workers, home, code_version="2"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen.append(ran_by(workers, home, code_version="2"))
    monkeypatch.chdir(ROOT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    seen.append(ran_by(workers, home, code_version="2"))
    shutil.rmtree(home)
    seen.append(ran_by(workers, home, code_version="2"))
    assert len(set(seen)) == len(seen)
    assert workers.processes() == seen[-1:]


@pytest.mark.parametrize("bounds", [{"most_steps": 1}, {"most_memory": 1}])
def test_a_worker_that_ran_many_steps_or_holds_much_memory_is_replaced(bounds: dict[str, int], tmp_path: Path) -> None:
    workers = Workers(**bounds)
    first = ran_by(workers, tmp_path)
    assert gone(first)
    assert ran_by(workers, tmp_path) != first
    assert workers.processes() == []


def test_a_worker_with_nothing_to_do_ends_after_a_while(tmp_path: Path) -> None:
    workers = Workers(most_idle=0.5)
    first = ran_by(workers, tmp_path)
    until(lambda: gone(first))
    assert ran_by(workers, tmp_path) != first
    workers.close()


def fail():
    raise ValueError("half done")


def test_a_worker_whose_step_failed_is_replaced(workers: Workers, tmp_path: Path) -> None:
    first = ran_by(workers, tmp_path)
    assert workers.run(order(fail, tmp_path), PATIENCE) == 1
    assert gone(first)
    assert ran_by(workers, tmp_path) != first


def kill_oneself():
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_fails_its_step_and_is_replaced(workers: Workers, tmp_path: Path) -> None:
    first = ran_by(workers, tmp_path)
    with pytest.raises(FairleadError, match="its process was ended by SIGKILL in the middle of the step"):
        workers.run(order(kill_oneself, tmp_path), PATIENCE)
    assert workers.processes() == []
    assert ran_by(workers, tmp_path) not in (first, 0)


def test_an_idle_worker_that_was_killed_is_replaced(workers: Workers, tmp_path: Path) -> None:
    first = ran_by(workers, tmp_path)
    os.kill(first, signal.SIGKILL)
    until(lambda: workers.processes() == [])
    assert ran_by(workers, tmp_path) != first


def test_a_step_that_takes_too_long_is_killed(workers: Workers, tmp_path: Path) -> None:
    ran_by(workers, tmp_path)
    (process,) = workers.processes()
    with pytest.raises(TimeoutError):
        workers.run(order(hang, tmp_path, out=str(tmp_path / "out")), 0.3)
    assert gone(process)
    assert workers.processes() == []


def test_processor_time_grows_with_the_steps(workers: Workers, tmp_path: Path) -> None:
    assert workers.cpu_seconds() == 0
    ran_by(workers, tmp_path)
    first = workers.cpu_seconds()
    ran_by(workers, tmp_path)
    assert 0 < first < workers.cpu_seconds()


def _runner(home: Path) -> "subprocess.Popen[bytes]":
    """Start a process with two steps under way and one idle worker; returns when it is so far."""
    program = dedent("""
        import sys
        from concurrent.futures import ThreadPoolExecutor
        from dataclasses import replace
        from pathlib import Path
        from pipelines.runners.workers import shared
        from tests.pipelines.orders import hang, order, tell_process

        home = Path(sys.argv[1])
        with shared().ended_by_interrupt(), ThreadPoolExecutor(2) as pool:
            shared().run(order(tell_process, home, out=str(home / "idle")), 60)
            steps = [order(hang, home, code_version=name, out=str(home / name)) for name in ("2", "3")]
            # By another name of the interpreter: the idle one stays, as it is no outdated worker of this one.
            steps = [replace(step, python=step.python.with_name("python3")) for step in steps]
            ends = [pool.submit(shared().run, step, 600) for step in steps]
            [e.result() for e in ends]
    """)
    process = subprocess.Popen([sys.executable, "-c", program, str(home)], cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: all((home / name).exists() for name in ("idle", "2", "3")))
    assert process.poll() is None
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_runner(tmp_path: Path, how: signal.Signals) -> None:
    process = _runner(tmp_path)
    workers = [int((tmp_path / name).read_text()) for name in ("idle", "2", "3")]
    assert len(set(workers)) == 3
    assert not any(gone(w) for w in workers)
    process.send_signal(how)
    until(lambda: all(gone(w) for w in workers))
    assert process.wait(PATIENCE) == -how


@dsl.pipeline(name="small")
def small(use_case: str = "sba_loans"):
    table = overhead.data.ingest(use_case=use_case, source="", freshness="")
    overhead.data.check_rows(use_case=use_case, raw=table.outputs["raw"])


def test_what_steps_leave_is_byte_for_byte_what_they_leave_in_interpreters_of_their_own(tmp_path: Path) -> None:
    package = tmp_path / "small.yaml"
    compiler.Compiler().compile(small, str(package))
    made = []
    for name, isolated in (("alone", True), ("warm", False)):
        run = local.run(package, {}, tmp_path / name, lambda _: None, isolated=isolated)
        paths = {(s, n): Path(path) for s, names in run.outputs.items() for n, path in names.items()}
        made.append({key: path.read_bytes() for key, path in paths.items()})
    assert set(made[0]) >= {("ingest", "raw"), ("check_rows", "clean"), ("check_rows", "report")}
    assert made[1] == made[0]
