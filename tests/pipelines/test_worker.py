"""What one step finds of another that ran before it in the same worker, and what becomes of a step's end."""

import json
import mmap
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.runners import worker
from pipelines.runners.workers import Workers
from tests.pipelines.orders import order, tell_process


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    pool = Workers()
    yield pool
    pool.close()


def state(out: str):
    import json
    import logging
    import os
    import random
    import sys
    import warnings
    from pathlib import Path

    import numpy

    root = logging.getLogger()
    found = {
        "process": os.getpid(),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "arguments": sys.argv[0],
        "search path": sys.path[1:],
        "module": sys.modules[__name__].__file__ == f"{sys.path[0]}/ephemeral_component.py",
        "root logger": [root.level, [type(h).__name__ for h in root.handlers], logging.root.manager.disable],
        "kfp's logger": [logging.getLogger("kfp").level, len(logging.getLogger("kfp").handlers)],
        "warnings": [str(f) for f in warnings.filters],
        "streams": [sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__],
        "drawn": [random.random(), float(numpy.random.random())],  # noqa: S311
    }
    Path(out).write_text(json.dumps(found))


def untidy(out: str):
    import io
    import logging
    import os
    import random
    import sys
    import warnings
    from pathlib import Path

    import numpy

    os.environ["FAIRLEAD_LEFT"] = "behind"
    os.environ.pop("PATH")
    os.chdir("/")
    sys.argv = ["other"]
    sys.path.insert(0, "elsewhere")
    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("kfp").setLevel(logging.DEBUG)
    logging.getLogger("kfp").addHandler(logging.NullHandler())
    logging.disable(logging.ERROR)
    warnings.simplefilter("error")
    sys.stdout = sys.stderr = io.StringIO()
    random.seed(1)
    numpy.random.seed(1)
    Path(out).write_text(str(os.getpid()))


def _state(workers: Workers, home: Path) -> dict[str, Any]:
    assert workers.run(order(state, home, out=str(home / "state")), 60) == 0
    found: dict[str, Any] = json.loads((home / "state").read_text())
    return found


def test_a_step_leaves_nothing_of_its_own_to_the_next(workers: Workers, tmp_path: Path) -> None:
    _state(workers, tmp_path)  # imports what it needs, which adds filters of warnings
    before = _state(workers, tmp_path)
    assert workers.run(order(untidy, tmp_path, out=str(tmp_path / "process")), 60) == 0
    after = _state(workers, tmp_path)
    assert int((tmp_path / "process").read_text()) == before["process"] == after["process"]
    drawn = [random.Random(1).random(), np.random.RandomState(1).random()]  # noqa: S311
    assert all(d != e for d, e in zip(after.pop("drawn"), drawn, strict=True))
    before.pop("drawn")
    assert after == before
    assert after["module"] is True
    assert after["streams"] == [True, True, True]


def test_a_step_finds_exactly_the_variables_it_is_given(workers: Workers, tmp_path: Path) -> None:
    given = order(state, tmp_path, out=str(tmp_path / "state"))
    given.environment["FAIRLEAD_ACTOR"] = "somebody"  # type: ignore[index]
    assert workers.run(given, 60) == 0
    found = json.loads((tmp_path / "state").read_text())["environment"]
    assert found == {**given.environment, "_KFP_RUNTIME": "true"}
    found = _state(workers, tmp_path)["environment"]
    assert found == {**order(state, tmp_path).environment, "_KFP_RUNTIME": "true"}
    assert found.get("FAIRLEAD_ACTOR") != "somebody"


def exits_well():
    raise SystemExit(0)


def exits_with_3():
    raise SystemExit(3)


def exits_with_words():
    raise SystemExit("no more of this")


def fails():
    raise KeyError("no such thing")


def interrupted():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "status", "told"),
    [
        (exits_well, 0, ""),
        (exits_with_3, 3, ""),
        (exits_with_words, 1, "no more of this\n"),
        (fails, 1, "KeyError: 'no such thing'\n"),
        (interrupted, 130, "KeyboardInterrupt\n"),
    ],
)
def test_a_step_ends_as_an_interpreter_would(
    workers: Workers, tmp_path: Path, step: Callable[..., None], status: int, told: str
) -> None:
    given = order(step, tmp_path)
    assert workers.run(given, 60) == status
    assert given.log.read_text().endswith(told)


def shouts(word: str):
    import os
    import subprocess
    import sys

    print(f"{word} printed")
    print(f"{word} warned", file=sys.stderr)
    os.write(1, f"{word} written\n".encode())
    subprocess.run([sys.executable, "-c", f"print('{word} of another process')"], check=True)


def test_what_a_step_says_is_in_its_own_log(workers: Workers, tmp_path: Path) -> None:
    first, second = (order(shouts, tmp_path, word=word) for word in ("first", "second"))
    assert workers.run(first, 60) == workers.run(second, 60) == 0
    for given, mine, others in ((first, "first", "second"), (second, "second", "first")):
        log = given.log.read_text()
        assert all(f"{mine} {w}" in log for w in ("printed", "warned", "written", "of another process"))
        assert f"{others} printed" not in log


def forgets(path: str):
    import fcntl
    from pathlib import Path

    class Holder:
        pass

    holder = Holder()
    holder.itself = holder
    holder.file = Path(path).open("w")  # noqa: SIM115
    fcntl.flock(holder.file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_that_a_step_forgot_is_let_go(workers: Workers, tmp_path: Path) -> None:
    for _ in range(2):
        assert workers.run(order(forgets, tmp_path, path=str(tmp_path / "lock")), 60) == 0


def test_an_idle_worker_is_there_for_the_next_step(workers: Workers, tmp_path: Path) -> None:
    processes = set()
    for _ in range(3):
        assert workers.run(order(tell_process, tmp_path, out=str(tmp_path / "process")), 60) == 0
        processes.add((tmp_path / "process").read_text())
    assert len(processes) == 1


def test_memory_is_told_in_bytes() -> None:
    # Pages of their own: in a process that has run for long, an array is put where memory was held before.
    size = 50_000_000
    with mmap.mmap(-1, size) as held:
        before = worker.memory()
        for place in range(0, size, mmap.PAGESIZE):
            held[place] = 1
        assert 40_000_000 < worker.memory() - before < 80_000_000
