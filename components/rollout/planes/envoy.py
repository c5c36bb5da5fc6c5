"""The traffic plane on one machine: a real Envoy, whose files are replaced while requests run."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from components.core.errors import FairleadError
from components.rollout.planes import envoy_config as config
from components.rollout.planes.envoy_admin import Admin
from components.rollout.planes.envoy_config import Json, Proxy
from components.rollout.planes.envoy_process import new_version, place, swap
from components.rollout.traffic import Traffic, Variant

PATIENCE = 5.0
"""Seconds that Envoy gets to take a change; it takes milliseconds."""


class EnvoyPlane:
    """A traffic plane whose state is Envoy's: nothing is remembered here, so any process may take it up.

    Args:
        proxy: where Envoy is and what of it stays the same.
        patience: seconds that Envoy gets to take a change.
    """

    def __init__(self, proxy: Proxy, patience: float = PATIENCE) -> None:
        self.proxy = proxy
        self.admin = Admin(proxy.admin_port or proxy.admin_socket, timeout=patience)
        self._patience = patience
        # Which rollout's candidate it was: another rollout's cannot have won by it.
        self._won = f"candidate {proxy.salt}".strip()

    def apply(self, traffic: Traffic) -> None:
        """Bring the traffic about; returns when Envoy has it in force.

        Raises:
            FairleadError: Envoy cannot be reached, refuses it, or has no candidate to send anything to.
        """
        if self._in_force(traffic):
            return
        if (traffic.candidate or traffic.mirror == "candidate") and self.port("candidate") is None:
            raise FairleadError(
                f"{traffic!r} needs a candidate, and the proxy knows none; start one first: point('candidate', port)"
            )
        version = new_version()
        self._replace(
            self.proxy.routes, config.routes(traffic, version, self.proxy), version, self.admin.routes_version
        )

    def current(self) -> Traffic | None:
        """Return what Envoy says is in force; None when it cannot be reached or has other routes than ours."""
        try:
            return self._now()
        except FairleadError:
            return None

    def healthy(self) -> Mapping[Variant, bool]:
        """Say which variants pass Envoy's health checks; empty when Envoy cannot be reached, for then nobody knows."""
        try:
            return {variant: any(servers.values()) for variant, servers in self.admin.servers().items()}
        except FairleadError:
            return {}

    def finish(self, winner: Variant) -> None:
        """Make a variant the stable one without failing a request; doing it again changes nothing.

        Raises:
            FairleadError: the candidate is to win and there is none, or Envoy does not take a step; do it again then.
        """
        if winner == "stable":
            self.apply(Traffic())
            self._point("stable", self.port("stable"), came_from="stable")
            self.point("candidate", None)
            return
        port = self.port("candidate")
        if port is not None:
            self.take_over(port)
        elif self._notes("stable").get("came_from") != self._won:
            raise FairleadError("the candidate cannot win: the proxy knows none; start one first")

    def take_over(self, port: int) -> None:
        """Make a server the stable one: the candidate answers everything while the stable model's server changes.

        Args:
            port: the server that is stable from now on; the candidate's own, or another that serves the same model.

        Raises:
            FairleadError: Envoy does not take a step, or the server is not ready; the candidate goes on answering then.
        """
        self.apply(Traffic(candidate=100))
        self._point("stable", port, came_from=self._won)
        if not self._within_patience(lambda: self.admin.servers()["stable"].get(port, False)):
            raise FairleadError(f"the server on port {port} is not ready to be stable after {self._patience:g} s")
        self.apply(Traffic())
        self.point("candidate", None)

    def wait(self, seconds: float, given_up: Callable[[], bool] = lambda: False) -> None:
        """Return when Envoy is up.

        Args:
            seconds: for how long to wait.
            given_up: says that waiting is in vain.

        Raises:
            FairleadError: it is not, after so many seconds.
        """
        end = time.monotonic() + seconds
        while self.current() is None:
            if time.monotonic() > end or given_up():
                raise FairleadError(f"Envoy is not up after {seconds:g} s; its files are in {self.proxy.folder}")
            time.sleep(0.01)

    def point(self, variant: Variant, port: int | None) -> None:
        """Say where a variant's server is.

        Args:
            variant: whose.
            port: on loopback; None when there is none any more.

        Raises:
            FairleadError: Envoy does not take it, or the traffic in force still needs the variant that is to go.
        """
        now = self._now()
        needed = variant == "stable" or now.candidate > 0 or now.mirror == variant
        if port is None and needed:
            raise FairleadError(f"{variant} cannot be taken away: {now!r} is in force; change the traffic first")
        if variant == "candidate" and port is not None:
            self._point("stable", self.port("stable"), came_from="stable")
        self._point(variant, port, came_from=variant)

    def port(self, variant: Variant) -> int | None:
        """Return the port of a variant's server; None when there is none."""
        try:
            part = json.loads(self.proxy.endpoints(variant).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return config.port_in(part)

    def _point(self, variant: Variant, port: int | None, came_from: str) -> None:
        if self.port(variant) == port and self._notes(variant).get("came_from", variant) == came_from:
            return
        version = new_version()
        part = config.endpoints(variant, port, version, came_from)
        self._replace(self.proxy.endpoints(variant), part, version, lambda: self.admin.endpoints_version(variant))

    def _notes(self, variant: Variant) -> dict[str, str]:
        try:
            part = json.loads(self.proxy.endpoints(variant).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return config.notes_in(part)

    def _in_force(self, traffic: Traffic) -> bool:
        version = self.admin.routes_version()
        part = config.routes(traffic, version, self.proxy)
        return self.proxy.routes.exists() and self.proxy.routes.read_text(encoding="utf-8") == config.text(part)

    def _now(self) -> Traffic:
        found = self.admin.traffic()
        if found is None:
            raise FairleadError(f"Envoy has no routes of ours in force; its files are in {self.proxy.folder}")
        return found

    def _replace(self, path: Path, part: Json, version: str, in_force: Callable[[], str]) -> None:
        """Put a part in the place of the one before, and the one before back when Envoy does not take it."""
        before = path.read_text(encoding="utf-8") if path.exists() else None
        place(path, part)
        if self._within_patience(lambda: in_force() == version):
            return
        if before is not None:
            swap(path, before)
        raise FairleadError(
            f"Envoy did not take the new {path.name} within {self._patience:g} s, what was in force before still is; "
            f"its log says why"
        )

    def _within_patience(self, done: Callable[[], bool]) -> bool:
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            if done():
                return True
            time.sleep(0.005)
        return False
