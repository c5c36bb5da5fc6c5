"""A server process of our own: started on free loopback ports, waited for, always stopped."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.config import Settings, write_settings
from components.core.errors import FairleadError

HOST = "127.0.0.1"
TAIL = 30
"""Lines of the server's log that an error shows."""


@dataclass(frozen=True)
class Running:
    """A server that is up.

    Args:
        url: its REST root.
        grpc: ``host:port``, empty without gRPC.
        pid: its process.
        log: file with its output.
        startup_seconds: from start to ready (or, where readiness was not waited for, to live).
    """

    url: str
    grpc: str
    pid: int
    log: Path
    startup_seconds: float


@contextmanager
def serving(
    bundle: str,
    settings: Settings,
    log: Path,
    *,
    deadline: float = 60.0,
    grpc: bool = False,
    ready: bool = True,
    options: Sequence[str] = (),
) -> Iterator[Running]:
    """Run ``python -m components.serving`` on a bundle for as long as the block lasts.

    Args:
        bundle: its URI.
        settings: handed to the process through its environment.
        log: file to write the server's output into.
        deadline: seconds to wait until it is up.
        grpc: serve gRPC too.
        ready: wait until it is ready; else until it is live.
        options: further options of the command.

    Raises:
        FairleadError: it ended or was not up in time; shows the tail of its log.
    """
    http_port, grpc_port = free_port(), free_port() if grpc else 0
    command = [sys.executable, "-m", "components.serving", "--bundle", bundle, "--host", HOST]
    command += ["--http-port", str(http_port), "--grpc-port", str(grpc_port), *options]
    url = f"http://{HOST}:{http_port}"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment(settings))
    try:
        _wait(process, f"{url}/v2/health/{'ready' if ready else 'live'}", deadline, log)
        seconds = time.perf_counter() - started
        yield Running(url, f"{HOST}:{grpc_port}" if grpc else "", process.pid, log, seconds)
    finally:
        _stop(process)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        port: int = s.getsockname()[1]
        return port


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])


def _environment(settings: Settings) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}
    return others | write_settings(settings)


def _wait(process: "subprocess.Popen[bytes]", url: str, deadline: float, log: Path) -> None:
    end = time.monotonic() + deadline
    answer = "none"
    while time.monotonic() < end:
        if process.poll() is not None:
            raise FairleadError(
                f"the model server ended with status {process.returncode} before it was up:\n{tail(log)}"
            )
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  our own loopback URL
                return
        except urllib.error.HTTPError as error:
            with error:
                answer = f"{error.code} {json.loads(error.read()).get('error')}"
        except OSError:
            pass  # not listening yet
        time.sleep(0.02)
    raise FairleadError(
        f"the model server was not up within {deadline:g} s; last answer: {answer}. Its log:\n{tail(log)}"
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
