"""One worker, seen from the process that started it: what it is given, what it answers, how it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError

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


class Worker:
    """A process that runs one step at a time.

    Args:
        setting: what it is started with.
        order: the first one; its log takes what a worker says that cannot start.
    """

    def __init__(self, setting: Setting, order: Order) -> None:
        self.setting = setting
        self.steps = 0
        """How many it has been given."""
        self.cpu_seconds = 0.0
        """Processor time, as of its last answer."""
        self.since = time.monotonic()
        """When it was last given something, or answered."""
        self._homes: dict[Path, int] = {}
        self._channel, theirs = socket.socketpair()
        command = [str(setting.python), "-m", "pipelines.runners.worker", str(theirs.fileno()), str(os.getpid())]
        with theirs, order.log.open("ab") as log:
            # In our process group: what a terminal, or whoever started us, sends to the group reaches all its steps.
            self.process = subprocess.Popen(
                command,
                cwd=setting.folder,
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

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def run(self, order: Order, deadline: float) -> dict[str, Any]:
        """Run a step to its end and return the answer: ``status``, ``memory`` in bytes and ``cpu`` in seconds.

        Raises:
            TimeoutError: it took longer than to ``deadline``, by ``time.monotonic``; the process goes on.
            FairleadError: the process died.
        """
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
        self.cpu_seconds, self.since = answer["cpu"], time.monotonic()
        return answer

    def _answer(self, deadline: float) -> bytes:
        """Wait for a line; the channel alone does not tell that the process died, its own children may hold it open."""
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            dead = not self.alive
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


def end(workers: Sequence[Worker]) -> None:
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
