"""Workers of this process: interpreters that stay, so that a step need not import again what the last one did.

A worker takes one step at a time; as many are started as steps run side by side, and those that are idle are taken
again. The other side is ``pipelines.runners.worker``, which also says what one step can leave to the next.
"""

import atexit
import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError

MOST_STEPS = 200
"""Steps after which a worker is replaced, whatever its memory."""
MOST_MEMORY = 2 * 2**30
"""Bytes: a worker that holds more after a step is replaced."""
LOOK_SECONDS = 0.25
"""Pause between two looks at whether a worker that says nothing is still there."""
END_SECONDS = 5.0
"""Time for an idle worker to end in good order before it is killed."""

LATE = ("FAIRLEAD_", "PYTEST_")
"""Beginnings of variables that are read when a step runs, and never while a module is imported or loaded."""


@dataclass(frozen=True)
class Setting:
    """What a worker is started with and cannot be changed later; one is reused only where all of it is the same."""

    python: Path
    code: str
    """Version of the code whose modules it imports."""
    folder: Path
    """Where it works, first on its search path too."""
    variables: frozenset[tuple[str, str]]
    """Environment variables, but for those that are read late."""


@dataclass(frozen=True)
class Order:
    """One step."""

    python: Path
    code_version: str
    home: Path
    """Directory that it works on: a worker that knew another at the same place is not reused."""
    code: str
    """Text of the module that holds the step's function."""
    arguments: tuple[str, ...]
    """Those of kfp's executor."""
    environment: Mapping[str, str]
    log: Path

    @property
    def setting(self) -> Setting:
        """Return what its worker must have been started with."""
        early = frozenset((k, v) for k, v in self.environment.items() if not k.startswith(LATE))
        return Setting(self.python, self.code_version, Path.cwd(), early)


def carried(command: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Take a step's module and the executor's arguments out of the command that kfp made; None where it does more.

    >>> script = "program_path=$(mktemp -d) … ephemeral_component.py … python3 -m kfp.dsl.executor_main …"
    >>> carried(["sh", "-ec", script, "def f(): ...", "--function_to_execute", "f"])
    ('def f(): ...', ('--function_to_execute', 'f'))
    >>> carried(["sh", "-c", "python3 -m pip install …", "sh", "-ec", script, "def f(): ..."])
    """
    shell, script, rest = list(command[:2]), command[2], command[3:]
    if shell != ["sh", "-ec"] or "ephemeral_component.py" not in script or "kfp.dsl.executor_main" not in script:
        return None
    return rest[0], tuple(rest[1:])


class Workers:
    """The workers of one process.

    Args:
        most_steps: a worker is replaced after so many.
        most_memory: bytes; a worker that holds more is replaced.
    """

    def __init__(self, most_steps: int = MOST_STEPS, most_memory: int = MOST_MEMORY) -> None:
        self._most_steps, self._most_memory = most_steps, most_memory
        self._process = os.getpid()
        # Entered again by the same thread when an interrupt comes while it holds the lock.
        self._lock = threading.RLock()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._starter = _Starter()

    def run(self, order: Order, timeout: float) -> int:
        """Run a step to its end and return its exit status; what it printed is in its log.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds; its process was killed.
            FairleadError: its process died.
        """
        deadline = time.monotonic() + timeout
        worker = self._take(order)
        try:
            answer = worker.run(order, deadline)
        except BaseException:
            self._give_back(worker, keep=False)
            worker.kill()
            raise
        # What a failed step has left half done in its modules, nobody knows.
        well = answer["status"] == 0 and answer["memory"] <= self._most_memory
        keep = well and worker.steps < self._most_steps
        self._give_back(worker, keep)
        if not keep:
            end([worker])
        return int(answer["status"])

    def processes(self) -> list[int]:
        """Return the process ids of all workers that live."""
        with self._lock:
            return [w.process.pid for w in (*self._idle, *self._busy) if w.process.poll() is None]

    def cpu_seconds(self) -> float:
        """Return the processor time of the workers that live, and of what they started, as of their last steps."""
        with self._lock:
            return sum(w.cpu_seconds for w in (*self._idle, *self._busy) if w.process.poll() is None)

    def kill(self) -> None:
        """End all workers at once; steps that run fail."""
        if os.getpid() != self._process:  # a fork's copy of us
            return
        with self._lock:
            for worker in (*self._idle, *self._busy):
                worker.process.kill()

    def close(self) -> None:
        """Let idle workers end in good order and end the others at once."""
        if os.getpid() != self._process:
            return
        with self._lock:
            idle, busy = self._idle[:], self._busy[:]
            self._idle.clear()
            self._busy.clear()
        for worker in busy:
            worker.kill()
        end(idle)

    @contextlib.contextmanager
    def ended_by_interrupt(self) -> Iterator[None]:
        """End the workers on an interrupt, before anything waits for the steps that run in other threads."""
        earlier = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(earlier):
            yield
            return

        def interrupted(number: int, frame: Any) -> None:
            self.kill()
            earlier(number, frame)

        signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, earlier)

    def _give_back(self, worker: "_Worker", keep: bool) -> None:
        with self._lock:
            if worker in self._busy:  # else everything was closed meanwhile
                self._busy.remove(worker)
                if keep:
                    self._idle.append(worker)

    def _take(self, order: Order) -> "_Worker":
        wanted = order.setting
        with self._lock:
            same = [w for w in self._idle if w.setting.python == wanted.python]
            fit = [w for w in same if w.setting == wanted and w.knows(order.home) and w.process.poll() is None]
            # The one that has run most has most imported.
            worker = max(fit, key=lambda w: w.steps, default=None)
            outdated = [w for w in same if w not in fit]
            for gone in [*outdated, *filter(None, [worker])]:
                self._idle.remove(gone)
            if worker is not None:
                self._busy.append(worker)
        end(outdated)
        if worker is None:
            worker = self._starter.start(lambda: _Worker(wanted, order))
            with self._lock:
                self._busy.append(worker)
        return worker


class _Worker:
    """One process, seen from here."""

    def __init__(self, setting: Setting, order: Order) -> None:
        self.setting = setting
        self.steps = 0
        self.cpu_seconds = 0.0
        self._homes: dict[Path, int] = {}
        self._channel, theirs = socket.socketpair()
        command = [str(setting.python), "-m", "pipelines.runners.worker", str(theirs.fileno()), str(os.getpid())]
        with theirs, order.log.open("ab") as log:
            # In our process group: what a terminal, or whoever started us, sends to the group reaches all its steps.
            self.process = subprocess.Popen(
                command,
                cwd=setting.folder,
                # The log of its first step tells why it could not start.
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(order),
                pass_fds=(theirs.fileno(),),
            )

    def knows(self, home: Path) -> bool:
        """Whether what this worker may remember of a home is still so: one made anew at its place is another.

        The directory is held open, so that the new one cannot be given the number of the old.
        """
        held = self._homes.get(home)
        return held is None or os.path.samestat(os.fstat(held), home.stat())

    def run(self, order: Order, deadline: float) -> dict[str, Any]:
        self.steps += 1
        if order.home not in self._homes:
            self._homes[order.home] = os.open(order.home, os.O_RDONLY | os.O_DIRECTORY)
        message = {
            "code": order.code,
            "arguments": order.arguments,
            "environment": _environment(order),
            "log": str(order.log.absolute()),
        }
        try:
            self._channel.settimeout(max(0.001, deadline - time.monotonic()))
            self._channel.sendall(json.dumps(message).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._answer(deadline))
        except (BrokenPipeError, ConnectionResetError, EOFError) as error:
            raise FairleadError(self._how_it_died()) from error
        self.cpu_seconds = answer["cpu"]
        return answer

    def _answer(self, deadline: float) -> bytes:
        """Wait for a line; the channel alone does not tell that the process died, its own children may hold it open."""
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            dead = self.process.poll() is not None
            self._channel.settimeout(min(left, LOOK_SECONDS))
            try:
                part = self._channel.recv(65536)
            except TimeoutError:
                if dead:
                    raise EOFError from None
                continue
            if not part:
                raise EOFError
            line += part
        return line

    def _how_it_died(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        status = self.process.returncode
        if status is None:
            return "its process stopped answering"
        if status >= 0:
            return f"its process ended with status {status} in the middle of the step"
        name = signal.Signals(-status).name
        hint = ", as the system does when memory runs out" if -status == signal.SIGKILL else ""
        return f"its process was ended by {name} in the middle of the step{hint}"

    def hang_up(self) -> None:
        """Let it end in good order, if it is idle."""
        self._channel.close()
        for held in self._homes.values():
            os.close(held)
        self._homes.clear()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self.hang_up()
        self.process.kill()
        self.process.wait()


class _Starter:
    """Starts workers, all from one thread that lives as long as this process.

    Linux ends a worker when the *thread* that started it ends, and those in which kfp runs steps end early.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], _Worker], Future[_Worker]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="worker starter", daemon=True).start()

    def start(self, make: Callable[[], _Worker]) -> _Worker:
        future: Future[_Worker] = Future()
        self._jobs.put((make, future))
        return future.result()

    def _work(self) -> None:
        while True:
            make, future = self._jobs.get()
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)


def end(workers: Sequence[_Worker]) -> None:
    """Let idle workers end in good order, side by side; kill those that take too long."""
    for worker in workers:
        worker.hang_up()
    deadline = time.monotonic() + END_SECONDS
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(max(0.0, deadline - time.monotonic()))
        worker.kill()


def _environment(order: Order) -> dict[str, str]:
    # As in kfp's own command; without it kfp imports its compiler too.
    return {**order.environment, "_KFP_RUNTIME": "true"}


_shared: Workers | None = None
_shared_lock = threading.Lock()


def shared() -> Workers:
    """Return the workers of this process; they end with it."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared._process != os.getpid():
            _shared = Workers()
            atexit.register(_shared.close)
        return _shared
