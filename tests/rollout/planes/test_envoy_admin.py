"""What is read of a real Envoy's admin interface."""

from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.rollout.planes.envoy_admin import Admin
from components.rollout.planes.envoy_config import endpoints, routes
from components.rollout.planes.envoy_process import place
from components.rollout.traffic import Traffic
from components.serving.process import free_port
from tests.rollout.planes.upstream import envoy, new_proxy


@pytest.mark.parametrize("port", [None, 0])
def test_versions_traffic_and_servers_are_told(tmp_path: Path, port: int | None) -> None:
    proxy = new_proxy(tmp_path, admin_port=port if port is None else free_port())
    closed = free_port()
    place(proxy.routes, routes(Traffic(candidate=12), "r1", proxy))
    place(proxy.endpoints("candidate"), endpoints("candidate", closed, "e1"))
    with envoy(proxy):
        admin = Admin(proxy.admin_port or proxy.admin_socket)
        assert admin.traffic() == Traffic(candidate=12)
        assert admin.routes_version() == "r1"
        assert admin.endpoints_version("candidate") == "e1"
        assert admin.servers() == {"stable": {}, "candidate": {closed: False}}
        assert admin.counter("cluster.candidate.upstream_rq_total") == 0
        assert admin.counter("cluster.candidate.health_check.attempt") >= 1
        assert admin.counter("no.such.counter") == 0


def test_nobody_there_is_an_error_that_says_where() -> None:
    port = free_port()
    with pytest.raises(FairleadError, match=f"cannot be reached at http://127.0.0.1:{port}"):
        Admin(port).traffic()


def test_its_owner_alone_may_ask(tmp_path: Path) -> None:
    proxy = new_proxy(tmp_path / "envoy")
    with envoy(proxy):
        assert proxy.admin_socket.stat().st_mode & 0o077 == 0
        assert proxy.folder.stat().st_mode & 0o077 == 0


def test_what_envoy_does_not_know_is_refused(tmp_path: Path) -> None:
    proxy = new_proxy(tmp_path)
    with envoy(proxy), pytest.raises(FairleadError, match=r"refuses /config_dump\?resource=x: 404"):
        Admin(proxy.admin_socket)._fetch("/config_dump?resource=x")
