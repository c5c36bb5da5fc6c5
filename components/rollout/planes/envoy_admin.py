"""What Envoy says of itself on its admin interface."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.errors import FairleadError
from components.rollout.planes import envoy_config as config
from components.rollout.planes.envoy_config import HOST
from components.rollout.traffic import VARIANTS, Traffic, Variant

_ILL = ("failed_active_health_check", "failed_outlier_check", "pending_dynamic_removal", "pending_active_hc")


class Admin:
    """Questions to one Envoy; each of them raises FairleadError when it cannot be reached.

    Args:
        where: port of the admin interface on loopback, or the path of its Unix socket.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, where: int | Path, timeout: float = 5.0) -> None:
        self._where = where
        self._timeout = timeout

    def traffic(self) -> Traffic | None:
        """Return the traffic in force; None when the routes in force are not ours."""
        return next(filter(None, (config.traffic_in(c.get("route_config", {})) for c in self._routes())), None)

    def routes_version(self) -> str:
        """Return the version of the routes in force; empty when there are none."""
        return next((str(c.get("version_info", "")) for c in self._routes()), "")

    def endpoints_version(self, variant: Variant) -> str:
        """Return the version of a variant's endpoints in force; empty when there are none."""
        text = self._fetch(f"/stats?type=TextReadouts&filter=^cluster.{variant}.version_text$")
        return text.partition(": ")[2].strip().strip('"')

    def servers(self) -> Mapping[Variant, Mapping[int, bool]]:
        """Return for each variant the ports of its servers, and whether each passes its health checks."""
        clusters = json.loads(self._fetch("/clusters?format=json"))["cluster_statuses"]
        hosts: dict[str, list[Any]] = {c["name"]: c.get("host_statuses", []) for c in clusters}
        return {v: {h["address"]["socket_address"]["port_value"]: _well(h) for h in hosts.get(v, [])} for v in VARIANTS}

    def counter(self, name: str) -> int:
        """Return one of Envoy's counters, for example ``cluster.candidate.upstream_rq_total``; 0 before it counts."""
        text = self._fetch(f"/stats?type=Counters&filter=^{name.replace('.', '[.]')}$")
        return int(text.partition(": ")[2] or 0)

    def _routes(self) -> list[Any]:
        found = json.loads(self._fetch("/config_dump?resource=dynamic_route_configs"))
        return list(found.get("configs", []))

    def _fetch(self, path: str) -> str:
        where = self._where if isinstance(self._where, Path) else f"http://{HOST}:{self._where}"
        connection = self._connection()
        try:
            connection.request("GET", path, headers={"Host": "envoy"})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise FairleadError(f"Envoy cannot be reached at {where}: {error}; is it running?") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise FairleadError(f"Envoy at {where} refuses {path}: {answer.status} {text[:200]}")
        return text

    def _connection(self) -> http.client.HTTPConnection:
        if isinstance(self._where, Path):
            return _OnSocket(self._where, self._timeout)
        return http.client.HTTPConnection(HOST, self._where, timeout=self._timeout)


class _OnSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _well(host: Mapping[str, Any]) -> bool:
    status = host.get("health_status", {})
    return status.get("eds_health_status") == "HEALTHY" and not any(status.get(name) for name in _ILL)
