"""``wrk``, which keeps a number of connections busy: found or fetched, run on its core, its figures read."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import FairleadError

SCRIPT = Path(__file__).with_name("post.lua")

HOW = "install it (Debian and Ubuntu: apt-get install wrk) or put a build of it on the PATH"


@dataclass(frozen=True)
class Load:
    """What one run of ``wrk`` measured.

    Args:
        requests: answered, whatever the answer was.
        seconds: that it took.
        refused: answers with a status of 400 or more.
        broken: connections or requests that came to nothing.
        p50_ms: median time from request to answer.
        p99_ms: 99th percentile of it; a client that waits for its answer sends nothing, so queues hide from it.
    """

    requests: int
    seconds: float
    refused: int
    broken: int
    p50_ms: float
    p99_ms: float

    @property
    def failed(self) -> int:
        """Requests that were not answered well."""
        return self.refused + self.broken

    @property
    def answered(self) -> int:
        """Requests that were answered well."""
        return self.requests - self.refused


def find(home: Path) -> Path:
    """Return ``wrk``: the one on the PATH, the one fetched before, or one fetched now from Debian's archive.

    Args:
        home: directory for what Fairlead writes on this machine; a fetched one is kept in ``home/tools``.

    Raises:
        FairleadError: there is none and it cannot be fetched; says how to get it.
    """
    on_path = shutil.which("wrk")
    if on_path:
        return Path(on_path)
    own = home / "tools" / "wrk" / "usr" / "bin" / "wrk"
    if not own.exists():
        _fetch(home / "tools")
    if not own.exists():
        raise FairleadError(f"the package wrk holds no usr/bin/wrk; {HOW}")
    return own


def _fetch(tools: Path) -> None:
    """Unpack Debian's package without installing it, which needs no rights."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise FairleadError(f"wrk is not on the PATH; {HOW}")
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        for command in (["apt-get", "download", "wrk"], ["sh", "-c", f"dpkg -x wrk_*.deb '{tools / 'wrk'}'"]):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise FairleadError(
                    f"wrk is not on the PATH, and {command[0]} could not fetch it:\n{done.stderr}\n{HOW}"
                )


def load(wrk: Path, url: str, bodies: Sequence[bytes], clients: int, seconds: float, core: int) -> Load:
    """Keep ``clients`` connections busy for some seconds, each sending its next request when it has its answer.

    Args:
        wrk: the program.
        url: where to post.
        bodies: JSON without line breaks, sent in turn.
        clients: connections.
        seconds: how long; whole seconds, at least one.
        core: to run on.

    Raises:
        FairleadError: it ended badly; carries its output.
    """
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(b"\n".join(bodies) + b"\n")
        file.flush()
        command = ["taskset", "--cpu-list", str(core), str(wrk), "--threads", "1", "--connections", str(clients)]
        command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", "10s", "--script", str(SCRIPT)]
        done = subprocess.run([*command, url, "--", file.name], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FairleadError(f"wrk on {url} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return parse(done.stdout)


def parse(output: str) -> Load:
    r"""Read the line that the script writes.

    >>> text = '{"requests": 10, "seconds": 2, "refused": 4, "broken": 0, "p50_ms": 1, "p99_ms": 3}'
    >>> parse(f"Running 2s test\n\nmeasured {text}\n").answered
    6

    Raises:
        FairleadError: there is no such line.
    """
    for line in output.splitlines():
        if line.startswith("measured "):
            return Load(**json.loads(line.removeprefix("measured ")))
    raise FairleadError(f"wrk wrote no line 'measured …'; it wrote:\n{output[-1000:]}")
