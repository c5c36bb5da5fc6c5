"""Server processes on a core of their own: started, pinned with all that they start, metered, held still, stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import FairleadError

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
WINDOW, IDLE = 0.1, 0.15
"""A server that takes less than this share of a core for so many seconds has settled."""
TAIL = 15
"""Lines of a server's log that an error shows."""


@dataclass(frozen=True)
class Cores:
    """Which core the servers run on, and which the load generator."""

    server: int
    client: int

    @classmethod
    def choose(cls) -> "Cores":
        """Take the first and the last core that this process may use; on one core alone they share it."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[-1])

    def __str__(self) -> str:
        if self.server == self.client:
            return f"server and load share core {self.server}: the figures say little, give it two cores"
        return f"server on core {self.server}, load on core {self.client}"


@dataclass(frozen=True)
class Process:
    """A started program and every process that it started in turn.

    Args:
        root: the process itself.
        log: file with its output.
    """

    root: "subprocess.Popen[bytes]"
    log: Path

    def tree(self) -> list[int]:
        """List the process ids, its own first."""
        parents = {pid: int(fields[1]) for pid, fields in _all_stats()}
        found = [self.root.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def pin(self, core: int) -> None:
        """Keep every thread of the tree on one core; threads and processes started later inherit it."""
        for pid in self.tree():
            for thread in _threads(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, {core})

    def cpu_seconds(self) -> float:
        """Return the processor time of the tree until now, of ended children too; only differences mean something."""
        tree = set(self.tree())
        # Fields 14 to 17 of /proc/PID/stat: own user and system time, and that of children that have ended.
        return sum(sum(map(int, fields[11:15])) for pid, fields in _all_stats() if pid in tree) / TICKS

    def settle(self, patience: float = 60.0) -> float:
        """Wait until the tree has next to nothing left to do; returns the processor time that it took until then."""
        start = before = self.cpu_seconds()
        end = time.monotonic() + patience
        while time.monotonic() < end:
            time.sleep(WINDOW)
            now = self.cpu_seconds()
            if now - before <= IDLE * WINDOW:
                break
            before = now
        return self.cpu_seconds() - start

    def hold(self) -> None:
        """Hold the tree still, so that it takes nothing from the server that is measured now."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def ended(self) -> bool:
        """Whether the program has ended."""
        return self.root.poll() is not None

    def require(self) -> None:
        """Check that it still runs.

        Raises:
            FairleadError: it has ended; shows the end of its log.
        """
        if self.ended():
            raise FairleadError(f"it ended with status {self.root.returncode}; its log ends:\n{self.tail()}")

    def stop(self, patience: float = 10.0) -> None:
        """End the tree: asked first, killed after ``patience`` seconds."""
        self.go_on()
        tree = self.tree() if not self.ended() else []
        if tree:
            self.root.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.root.wait(timeout=patience)
            # Those of the tree that its root left behind; a number that was given to a new process is not among
            # them, for the kernel counts on before it gives a number again.
            for pid in tree[1:]:
                _send(pid, signal.SIGKILL)
        if not self.ended():
            self.root.kill()
        self.root.wait()

    def tail(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.tree():
            _send(pid, number)


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start a program with its output in a file."""
    with log.open("wb") as output:
        root = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=dict(environment)
        )
    return Process(root, log)


def wait(process: Process, up: Callable[[], bool], deadline: float) -> None:
    """Wait until a program is up.

    Args:
        process: started.
        up: says whether it is.
        deadline: seconds.

    Raises:
        FairleadError: it ended, or the deadline passed; shows the end of its log.
    """
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        process.require()
        if up():
            return
        time.sleep(0.05)
    raise FairleadError(f"it was not up within {deadline:g} s; its log ends:\n{process.tail()}")


def _all_stats() -> Iterator[tuple[int, list[str]]]:
    """Give process id and what stands behind the name in ``/proc/PID/stat``; the name itself may hold anything."""
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                text = (folder / "stat").read_text(encoding="ascii", errors="replace")
                yield int(folder.name), text.rpartition(")")[2].split()


def _threads(pid: int) -> list[int]:
    try:
        return [int(thread.name) for thread in (PROC / str(pid) / "task").iterdir()]
    except OSError:
        return []


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
