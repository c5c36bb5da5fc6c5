"""Orders for workers, made from functions of the tests."""

import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from textwrap import dedent

from pipelines.runners.worker_process import Order

_number = count()

PATIENCE = 60.0
"""Seconds until a test stops waiting for something that should come at once."""


def order(function: Callable[..., None], home: Path, code_version: str = "1", **values: str) -> Order:
    """Return the order to call a function that keeps to itself, in an interpreter like this one."""
    home.mkdir(exist_ok=True)
    name = f"{function.__name__}-{next(_number)}"
    given = {"inputs": {"parameterValues": values}, "outputs": {"outputFile": str(home / f"{name}.json")}}
    log = home / f"{name}.log"
    log.touch()
    return Order(
        python=Path(sys.executable),
        code_version=code_version,
        home=home,
        code=dedent(inspect.getsource(function)),
        arguments=("--executor_input", json.dumps(given), "--function_to_execute", function.__name__),
        environment={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        log=log,
    )


def tell_process(out: str):
    """Write down which process this is."""
    import os
    from pathlib import Path

    Path(out).write_text(str(os.getpid()))


def hang(out: str):
    """Write down which process this is, and never end."""
    import os
    import threading
    from pathlib import Path

    path = Path(out)
    path.with_suffix(".new").write_text(str(os.getpid()))
    path.with_suffix(".new").rename(path)
    threading.Event().wait()


def until(met: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere."""
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(process: int) -> bool:
    """Whether a process has ended; one that nobody waits for has too."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return not Path("/proc/self").exists() or not Path(f"/proc/{process}").exists()
