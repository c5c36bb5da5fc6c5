"""One process that is kept running: started, watched, started again with growing pauses, stopped."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

FIRST_PAUSE = 0.125
LONGEST_PAUSE = 30.0
SETTLED = 30.0
"""Seconds: who lived so long is forgiven its earlier ends, and who ended before has not settled."""
LOOPING = 3
"""Ends in a row before settling that make a crash loop."""
STOP_SECONDS = 15.0
"""Time to finish what is under way after SIGTERM."""

Status = Literal["running", "pausing", "stopping", "stopped"]

_PR_SET_PDEATHSIG = 1


class Child:
    """A command that should be running.

    Args:
        command: its words.
        log: file that its output is added to.
        clock: seconds that only grow.
    """

    def __init__(self, command: Sequence[str], log: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.command = tuple(command)
        self._log = log
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._since = clock()
        self._next = clock()
        self._kill_at: float | None = None
        self.failures = 0
        """Ends in a row, each before the process had settled."""
        self.starts = 0
        self.exit_status: int | None = None
        """Of the last process that ended."""

    @property
    def status(self) -> Status:
        """What it is doing."""
        if self._process is None:
            return "stopped" if self._kill_at is not None else "pausing"
        return "stopping" if self._kill_at is not None else "running"

    def look(self) -> None:
        """Start it when it is due, notice when it ended, kill it when it takes too long to stop."""
        now = self._clock()
        if self._process is not None and self._process.poll() is not None:
            self.exit_status, self._process = self._process.returncode, None
            self.failures = 1 if now - self._since >= SETTLED else self.failures + 1
            self._next = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.failures - 1))
        if self._kill_at is not None:
            if self._process is not None and now >= self._kill_at:
                self._process.kill()
        elif self._process is None and now >= self._next:
            self._start(now)

    def stop(self) -> None:
        """Ask it to finish what is under way and end; it is not started again."""
        if self._kill_at is None:
            self._kill_at = self._clock() + STOP_SECONDS
            if self._process is not None:
                self._process.terminate()

    def report(self) -> Mapping[str, object]:
        """Return what others may know of it."""
        return {
            "status": self.status,
            "pid": self._process.pid if self._process is not None else None,
            "starts": self.starts,
            "failures": self.failures,
            "exit_status": self.exit_status,
        }

    def _start(self, now: float) -> None:
        self._since = now
        self.starts += 1
        try:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
                )
        except OSError as error:
            self.failures += 1
            self._next = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.failures - 1))
            with self._log.open("a", encoding="utf-8") as output:
                output.write(f"{self.command[0]} could not be started: {error}\n")


def _die_with(parent: int) -> Callable[[], None]:
    """Make what lets a child end when its parent does, however that ends; Linux alone has it."""
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended between the fork and the line above
            os._exit(1)

    return ask
