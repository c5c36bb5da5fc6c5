"""Processes that a test starts, waits for and ends."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

STOP_SECONDS = 20.0


class Start(Protocol):
    """Starts a process whose output goes to a file."""

    def __call__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]": ...


@contextmanager
def running() -> Iterator[Start]:
    """Give a way to start processes; all end with the context, the last first, by force where asking does not help."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
            )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(is_so: Callable[[], bool], seconds: float, what: Callable[[], str], pause: float = 0.2) -> None:
    """Wait until something is so.

    Args:
        is_so: asked again and again.
        seconds: longest wait.
        what: to tell when it does not come.
        pause: seconds between two questions.

    Raises:
        AssertionError: it was not so in time.
    """
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what()}"
        time.sleep(pause)


def tail(log: Path, characters: int = 3000) -> str:
    """Return the end of a log; empty where there is none."""
    return log.read_text(encoding="utf-8", errors="replace")[-characters:] if log.exists() else ""


def free_ports(n: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def answers(url: str) -> bool:
    """Say whether a URL of this machine answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own
            return bool(answer.status == 200)
    except OSError:
        return False
