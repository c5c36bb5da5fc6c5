"""Model servers on one machine that outlive who started them: kept running, found again, drained before they stop."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError
from components.rollout.child import LOOPING, STOP_SECONDS
from components.rollout.supervise import write
from components.rollout.traffic import VARIANTS, Variant
from components.serving.process import HOST, free_port, tail

START_SECONDS = 90.0
"""Time that a model server gets to be ready."""

CommandOf = Callable[[Variant, str, int], Sequence[str]]
"""Makes the command line of a server from its variant, its bundle's URI and its port."""


@dataclass(frozen=True)
class Server:
    """One model server that should be running.

    Args:
        name: of its process, ``stable-1``.
        variant: for whom it answers.
        bundle: URI of what it serves.
        port: on loopback.
    """

    name: str
    variant: Variant
    bundle: str
    port: int

    @property
    def url(self) -> str:
        """Its REST root."""
        return f"http://{HOST}:{self.port}"


class Supervisor:
    """What runs in one folder. All of it is in the folder, so that any process may go on where another one ended.

    Args:
        folder: for states and logs; made where it is missing, for its owner alone.
        environment: of the processes; those that run already keep theirs.
        command: makes a server's command line.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, command: CommandOf | None = None
    ) -> None:
        self.folder = folder.absolute()
        self._environment = dict(os.environ if environment is None else environment)
        self._command = command or model_server

    def start(self, variant: Variant, bundle: str, deadline: float = START_SECONDS) -> Server:
        """Have a bundle served for a variant, and return when it is ready; one that is served already is taken.

        A server of another bundle for the same variant goes on beside it until it is stopped.

        Raises:
            FairleadError: it was not ready in time, or ended again and again; nothing of it is left then.
        """
        server = next((s for s in self.servers(variant) if s.bundle == bundle), None)
        if server is None:
            server = Server(self._new_name(variant), variant, bundle, free_port())
            self.keep(server.name, self._command(variant, bundle, server.port), vars(server))
        self._supervise()
        try:
            self._wait_until_ready(server, deadline)
        except FairleadError:
            self.stop(server.name)
            raise
        return server

    def stop(self, name: str) -> None:
        """Let a process finish what is under way and end; returns when it has. One that is not there is fine."""
        (self.folder / "wanted" / f"{name}.json").unlink(missing_ok=True)
        end = time.monotonic() + STOP_SECONDS + 5
        while self.running() and (self.folder / "states" / f"{name}.json").exists():
            if time.monotonic() > end:
                raise FairleadError(f"{name} has not ended; state and logs are in {self.folder}")
            time.sleep(0.02)

    def servers(self, variant: Variant | None = None) -> list[Server]:
        """List the model servers that should be running, the oldest first."""
        wanted = (self._read(path) for path in (self.folder / "wanted").glob("*.json"))
        found = [Server(**w["server"]) for w in wanted if w.get("server")]
        return sorted((s for s in found if variant in (None, s.variant)), key=_number)

    def ports(self) -> Mapping[Variant, int]:
        """Return the port of each variant's newest server."""
        return {server.variant: server.port for server in self.servers()}

    def alive(self) -> Mapping[Variant, bool]:
        """Say for which variants the newest server is running, and not only between two crashes."""
        found: dict[Variant, bool] = dict.fromkeys(VARIANTS, False)
        for server in self.servers():
            state = self.state(server.name)
            found[server.variant] = state.get("status") == "running" and state.get("failures", 0) < LOOPING
        return found

    def state(self, name: str) -> dict[str, Any]:
        """Return what is known of a process: status, pid, starts, failures, exit_status; empty when nothing is."""
        return self._read(self.folder / "states" / f"{name}.json") if self.running() else {}

    def keep(self, name: str, command: Sequence[str], server: Mapping[str, object] | None = None) -> None:
        """Have any command kept running; changing it stops the process and starts another."""
        self._make_folders()
        text = json.dumps({"command": list(command), "server": dict(server) if server else None}, indent=1)
        path = self.folder / "wanted" / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write(path, text)
        self._supervise()

    def revive(self, deadline: float = START_SECONDS) -> bool:
        """Start a supervision that has died, and with it all that is wanted; returns when its servers are ready.

        Returns:
            Whether it had died. One that was never started, or that was closed, is left alone.

        Raises:
            FairleadError: a server is not ready in time; it goes on being tried, unlike with ``start``.
        """
        if self.running() or not any((self.folder / "wanted").glob("*.json")):
            return False
        self._supervise()
        end = time.monotonic() + deadline
        for server in self.servers():
            self._wait_until_ready(server, end - time.monotonic())
        return True

    def running(self) -> bool:
        """Whether the supervision is at work."""
        try:
            with (self.folder / "lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def close(self) -> None:
        """Stop everything, the supervision too, and forget what was wanted; logs stay."""
        end = time.monotonic() + STOP_SECONDS + 5
        while self.running():
            (self.folder / "end").touch()
            if time.monotonic() > end:
                raise FairleadError(
                    f"the supervision of {self.folder} has not ended; its process id is in 'lock' there"
                )
            time.sleep(0.02)
        shutil.rmtree(self.folder / "wanted", ignore_errors=True)

    def log(self, name: str) -> Path:
        """Return the file that a process writes into."""
        return self.folder / "logs" / f"{name}.log"

    def _supervise(self) -> None:
        """Start the supervision unless it is at work; two at once are one, for the second ends itself."""
        if self.running():
            return
        self._make_folders()
        line = [sys.executable, "-m", "components.rollout.supervise", "--detach", str(self.folder)]
        with (self.folder / "supervision.log").open("ab") as output:
            done = subprocess.run(
                line,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                check=False,
            )
        end = time.monotonic() + 30
        while not self.running():
            if done.returncode or time.monotonic() > end:
                raise FairleadError(f"the supervision did not start:\n{tail(self.folder / 'supervision.log')}")
            time.sleep(0.01)

    def _wait_until_ready(self, server: Server, deadline: float) -> None:
        end, answer = time.monotonic() + deadline, "none"
        while time.monotonic() < end:
            state = self.state(server.name)
            if state.get("failures", 0) >= LOOPING:
                raise FairleadError(
                    f"{server.name} ended {state['failures']} times, the last time with status "
                    f"{state['exit_status']}, before it was ready:\n{tail(self.log(server.name))}"
                )
            try:
                with urllib.request.urlopen(f"{server.url}/v2/health/ready", timeout=5):  # noqa: S310
                    return
            except urllib.error.HTTPError as error:
                with error:
                    answer = f"{error.code} {error.read().decode(errors='replace')[:500]}"
            except OSError:
                pass  # not listening yet
            time.sleep(0.02)
        log = self.log(server.name)
        raise FairleadError(
            f"{server.name}, serving {server.bundle}, was not ready within {deadline:g} s; last answer: {answer}. "
            f"Its log:\n{tail(log) if log.exists() else 'none'}"
        )

    def _new_name(self, variant: Variant) -> str:
        taken = [_number(s) for s in self.servers()] + [0]
        return f"{variant}-{max(taken) + 1}"

    def _make_folders(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("wanted", "states", "logs"):
            (self.folder / part).mkdir(exist_ok=True)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}


def model_server(variant: Variant, bundle: str, port: int) -> list[str]:
    """Return the command line of a model server.

    Args:
        variant: as which it answers and logs.
        bundle: URI of what it serves.
        port: on loopback.
    """
    line = [sys.executable, "-m", "components.serving", "--bundle", bundle, "--variant", variant]
    return [*line, "--host", HOST, "--http-port", str(port)]


def _number(server: Server) -> int:
    return int(server.name.rpartition("-")[2])
