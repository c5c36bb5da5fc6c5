"""The program of a worker: an interpreter of one environment that runs steps one after the other, its imports warm.

``python -m pipelines.runners.worker CHANNEL PARENT`` is started by ``pipelines.runners.worker_process`` alone. Orders
come and answers go over a socket of its own, a line of JSON each, so that nothing a step prints can be taken for an
answer. It imports nothing but the standard library and kfp, which are in every environment.

What a step finds is what it would find in an interpreter of its own: its environment variables, the folder and search
path the worker was started with, kfp's arguments, no handlers of the root logger, the levels and handlers of all
loggers that were there before it, the warnings filters, unseeded generators (those of ``random`` and ``numpy.random``),
its log as standard output and error, no input. After it, garbage is collected, so that files and locks that it merely
forgot are let go.

What stays is what makes the worker worth having: imported modules, and so whatever they keep for themselves: caches,
connections that are pooled, a library's settings that are made by a call, loggers that came with an import. With it
stay threads that a step left behind, limits of the process, handlers of signals other than the interrupt, and functions
to be called at exit, which are called when the worker ends. (What an import did to the environment variables and to the
filters of warnings is undone with the step that it came with; logs may say more afterwards.) That is acceptable because
steps hand everything that matters to the next by files: our modules keep nothing at module level, and every generator
of theirs is seeded where it is used. The pool does its part: it lets a worker go when a step failed in it, when the
code, the variables or the folder are others than it was started with, and when the home was made anew.
"""

import atexit
import contextlib
import ctypes
import faulthandler
import gc
import json
import logging
import os
import queue
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp.dsl import executor_main

MODULE = "ephemeral_component"
"""What kfp calls the module that holds a step's function."""

INTERRUPTED = 128 + signal.SIGINT

_PR_SET_PDEATHSIG = 1


def serve(channel: socket.socket) -> None:
    """Take orders until the other side closes the channel.

    When that happens in the middle of a step, whoever ordered it is gone: the process ends at once.
    """
    orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(channel, orders, busy), daemon=True).start()
    # The terminal sends an interrupt to us too. Only a step is to hear of it: the runner ends a worker without one.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (order := orders.get()) is not None:
        signal.signal(signal.SIGINT, interrupt)
        try:
            status = run(order["code"], order["arguments"], order["environment"], order["log"])
        except KeyboardInterrupt:  # before the step, or after it
            status = INTERRUPTED
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        busy.clear()
        answer = {"status": status, "memory": memory(), "cpu": cpu_seconds()}
        channel.sendall(json.dumps(answer).encode() + b"\n")


def run(code: str, arguments: list[str], environment: Mapping[str, str], log: str) -> int:
    """Run one step as ``kfp.dsl.executor_main`` does and leave this process as it was; returns the exit status.

    Args:
        code: text of the module that holds the step's function.
        arguments: those of kfp's executor.
        environment: all variables of the step.
        log: file that the step's output is added to; an error's trace too.
    """
    with _output_to(log), _restored():
        os.environ.clear()
        os.environ.update(environment)
        random.seed()
        if (numpy := sys.modules.get("numpy.random")) is not None:
            numpy.seed()
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / f"{MODULE}.py"
            program.write_text(code, encoding="utf-8")
            sys.argv = [executor_main.__file__, "--component_module_path", str(program), *arguments]
            try:
                executor_main.executor_main()
            except SystemExit as error:
                return _exit_status(error.code)
            except KeyboardInterrupt:
                traceback.print_exc()
                return INTERRUPTED
            except BaseException:
                traceback.print_exc()
                return 1
    return 0


def memory() -> int:
    """Return the bytes of memory that this process holds; the most it ever held where the system does not tell."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def cpu_seconds() -> float:
    """Return the processor time of this process and of those it has started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _listen(channel: socket.socket, orders: "queue.SimpleQueue[dict[str, Any] | None]", busy: threading.Event) -> None:
    with contextlib.suppress(OSError), channel.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            busy.set()
            orders.put(json.loads(line))
    if busy.is_set():
        os._exit(1)
    orders.put(None)


def _exit_status(code: object) -> int:
    """Return what the interpreter would make of ``SystemExit``'s code."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


@contextlib.contextmanager
def _output_to(log: str) -> Iterator[None]:
    """Write to a file what this process and those that it starts write; to nowhere afterwards."""
    _point_output(log)
    try:
        yield
    finally:
        _point_output(os.devnull)


def _point_output(path: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Undo afterwards what a step can do to the interpreter itself."""
    argv, path, folder, streams = sys.argv, sys.path[:], Path.cwd(), (sys.stdin, sys.stdout, sys.stderr)
    environment, loggers = dict(os.environ), _loggers()
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):  # closed by the step
                    stream.flush()
            sys.argv, sys.path[:] = argv, path
            sys.stdin, sys.stdout, sys.stderr = streams
            sys.modules.pop(MODULE, None)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            _restore_loggers(loggers)
            gc.collect()
            # What is left is modules, as good as all of it: not to be looked through again after each step.
            gc.freeze()


_Logger = tuple[int, list[logging.Handler], list[Any], bool, bool]


def _loggers() -> dict[logging.Logger, _Logger]:
    """Remember level, handlers and all else of the loggers there are."""
    found = [logging.root, *(x for x in logging.root.manager.loggerDict.values() if isinstance(x, logging.Logger))]
    return {x: (x.level, x.handlers[:], x.filters[:], x.propagate, x.disabled) for x in found}


def _restore_loggers(loggers: Mapping[logging.Logger, _Logger]) -> None:
    logging.disable(logging.NOTSET)
    for logger, (level, handlers, filters, propagate, disabled) in loggers.items():
        logger.handlers[:], logger.filters[:] = handlers, filters
        logger.propagate, logger.disabled = propagate, disabled
        logger.setLevel(level)


def _end_with(parent: int) -> None:
    """Let the system end this process with the one that started it, however that ends; Linux alone can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def main() -> None:
    """Serve the process that started this one."""
    status = 1
    # Registered first and so called last: all that other modules do at exit is done, and taking hundreds of them apart
    # would take a second more.
    atexit.register(lambda: os._exit(status))
    channel, parent = (int(word) for word in sys.argv[1:])
    os.set_inheritable(channel, False)
    _end_with(parent)
    faulthandler.enable()
    serve(socket.socket(fileno=channel))
    status = 0


if __name__ == "__main__":
    main()
