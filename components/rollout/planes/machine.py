"""One machine as a traffic plane: model servers under a supervisor, with Envoy before them."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from components.core.config import Settings, write_settings
from components.core.errors import FairleadError
from components.rollout.child import LOOPING
from components.rollout.planes import envoy_process
from components.rollout.planes.envoy import EnvoyPlane
from components.rollout.planes.envoy_config import Proxy
from components.rollout.supervise import write
from components.rollout.supervisor import CommandOf, Server, Supervisor
from components.rollout.traffic import Traffic, Variant
from components.serving.process import free_port, tail

logger = logging.getLogger(__name__)

PROXY = "envoy"
"""Name of Envoy among the supervised processes."""

HEALTH_SECONDS = 5.0
"""Envoy that was started again gets so long to see who is healthy."""


class MachinePlane:
    """Model servers and a proxy that outlive the process that started them; all of it is found again by the folder.

    Args:
        folder: for everything; best below the settings' home.
        settings: of the model servers.
        port: that takes requests; 0 takes a free one the first time, and the same from then on.
        sticky_header: requests with the same value of this header go to the same variant while weights stay.
        salt: mixed into keys, so that another rollout draws other keys; best the rollout's id.
        command: makes a server's command line.
        workers: threads of the proxy that take requests.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        port: int = 0,
        sticky_header: str | None = None,
        salt: str = "",
        command: CommandOf | None = None,
        workers: int = 1,
    ) -> None:
        self.folder = folder.absolute()
        self.supervisor = Supervisor(self.folder, _environment(settings), command)
        self._workers = workers
        proxy = self._proxy(port)
        self.proxy = proxy.model_copy(update={"sticky_header": sticky_header, "salt": salt})
        self.envoy = EnvoyPlane(self.proxy)

    @property
    def url(self) -> str:
        """Where requests are taken."""
        return f"http://{self.proxy.host}:{self.proxy.port}"

    @property
    def access_log(self) -> Path:
        """One line of JSON for each request."""
        return self.proxy.access_log

    def open(self, stable: str) -> None:
        """Have the stable model answer everything, unless something is in force already.

        Args:
            stable: URI of its bundle.

        Raises:
            FairleadError: its server or the proxy does not start.
        """
        server = next(iter(self.supervisor.servers("stable")), None) or self.supervisor.start("stable", stable)
        self.supervisor.start("stable", server.bundle)
        envoy_process.prepare(self.proxy)
        self.supervisor.keep(PROXY, envoy_process.command(self.proxy, workers=self._workers))
        self._wait()
        if self.envoy.port("stable") != server.port:  # else what is noted of it stays: that it was a candidate and won
            self.envoy.point("stable", server.port)

    def admit(self, candidate: str) -> Server:
        """Start a candidate beside the stable model; it gets nothing before traffic is applied.

        Args:
            candidate: URI of its bundle.

        Raises:
            FairleadError: another candidate is here, or this one does not start.
        """
        for other in self.supervisor.servers("candidate"):
            if other.bundle != candidate:
                raise FairleadError(
                    f"{other.bundle} is the candidate here; finish its rollout before {candidate} starts"
                )
        server = self.supervisor.start("candidate", candidate)
        self.envoy.point("candidate", server.port)
        return server

    def apply(self, traffic: Traffic) -> None:
        """Bring the traffic about; where the supervision was killed, and all with it, it is started again first.

        Raises:
            FairleadError: a server does not come back, or the proxy does not take the change.
        """
        self._revive()
        self.envoy.apply(traffic)

    def current(self) -> Traffic | None:
        """Return what Envoy says is in force."""
        return self.envoy.current()

    def healthy(self) -> Mapping[Variant, bool]:
        """Say who passes Envoy's health checks and is not in a crash loop; empty when Envoy cannot be reached."""
        alive = self.supervisor.alive()
        return {variant: well and alive[variant] for variant, well in self.envoy.healthy().items()}

    def finish(self, winner: Variant) -> None:
        """Make a variant the stable one without failing a request; doing it again goes on where it stopped.

        A candidate that won is served by a new process that says of itself that it is stable, so that logs and metrics
        are right from then on; until it is ready, the candidate answers.
        """
        candidate = next(iter(self.supervisor.servers("candidate")), None)
        if winner == "stable" or candidate is None or self.envoy.port("candidate") is None:
            self.envoy.finish(winner)
        else:
            self.envoy.apply(Traffic(candidate=100))
            successor = self.supervisor.start("stable", candidate.bundle)
            self.envoy.take_over(successor.port)
        port = self.envoy.port("stable")
        for server in self.supervisor.servers():
            if server.port != port:
                self.supervisor.stop(server.name)

    def _revive(self) -> None:
        ready = False
        try:
            ready = self.supervisor.revive()
        except FairleadError as error:
            # The proxy has to share out what is left: a candidate that does not come back is for the guardrails.
            logger.warning("after the supervision was killed: %s", error)
            ready = True
        if ready:
            self._wait()
            end = time.monotonic() + HEALTH_SECONDS
            while not all(self.healthy().values()) and time.monotonic() < end:
                time.sleep(0.02)

    def _wait(self) -> None:
        """Return when the proxy is up.

        Raises:
            FairleadError: it is not; with the end of its log.
        """
        try:
            self.envoy.wait(seconds=10, given_up=self._proxy_loops)
        except FairleadError as error:
            log = self.supervisor.log(PROXY)
            raise FairleadError(f"{error}\n{tail(log) if log.exists() else 'It has written no log.'}") from error

    def _proxy_loops(self) -> bool:
        return bool(self.supervisor.state(PROXY).get("failures", 0) >= LOOPING)

    def close(self) -> None:
        """Stop proxy and servers; weights and logs stay."""
        self.supervisor.close()

    def _proxy(self, port: int) -> Proxy:
        """Return the proxy of this folder, made the first time."""
        path = self.folder / "proxy.json"
        if path.exists():
            return Proxy.model_validate_json(path.read_text(encoding="utf-8"))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        proxy = Proxy(folder=self.folder / "envoy", port=port or free_port())
        write(path, proxy.model_dump_json(indent=1))
        return proxy


def _environment(settings: Settings) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}
    return others | write_settings(settings)
