"""Servers, supervisor and Envoy together: a whole life of a candidate, with real processes and no model."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.rollout.planes.machine import MachinePlane
from components.rollout.traffic import Traffic
from pipelines.benchmarks.load import Load, post
from tests.rollout.test_child import until
from tests.rollout.test_supervisor import command


def plane_in(folder: Path, salt: str = "r1", port: int = 0) -> MachinePlane:
    settings = read_settings({"FAIRLEAD_HOME": str(folder)})
    return MachinePlane(folder / "traffic", settings, command=command, salt=salt, port=port)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[MachinePlane]:
    made = plane_in(tmp_path)
    made.open("models:/a/1")
    yield made
    made.close()


def call(_: int) -> bytes:
    return post("/v2/models/a/infer")


def test_a_candidate_is_admitted_weighed_and_wins(plane: MachinePlane, tmp_path: Path) -> None:
    with Load(plane.proxy.port, call, clients=4) as load:
        plane.admit("models:/a/2")
        until(lambda: plane.healthy() == {"stable": True, "candidate": True})
        again = plane_in(tmp_path)
        assert again.url == plane.url
        again.open("models:/a/1")
        again.apply(Traffic(candidate=50))
        assert plane.current() == Traffic(candidate=50)
        again.finish("candidate")
        again.finish("candidate")
        seen = len(load.answers)
        until(lambda: len(load.answers) > seen + 100)
    assert load.failed == []
    assert {a.variant for a in load.answers} == {"stable", "candidate"}
    assert {a.variant for a in load.answers[-50:]} == {"stable"}
    assert [(s.variant, s.bundle) for s in plane.supervisor.servers()] == [("stable", "models:/a/2")]
    assert plane.current() == Traffic()
    with pytest.raises(FairleadError, match="needs a candidate"):
        plane.apply(Traffic(candidate=1))


def test_a_candidate_that_lost_is_gone(plane: MachinePlane) -> None:
    plane.admit("models:/a/2")
    plane.apply(Traffic(candidate=10))
    with pytest.raises(FairleadError, match="models:/a/2 is the candidate here"):
        plane.admit("models:/a/3")
    plane.finish("stable")
    assert [(s.variant, s.bundle) for s in plane.supervisor.servers()] == [("stable", "models:/a/1")]
    assert (plane.current(), plane.envoy.port("candidate")) == (Traffic(), None)


def test_an_envoy_that_crashed_is_back_with_its_weights(plane: MachinePlane) -> None:
    plane.admit("models:/a/2")
    plane.apply(Traffic(candidate=35))
    pid = plane.supervisor.state("envoy")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: plane.supervisor.state("envoy").get("pid") not in (None, pid))
    until(lambda: plane.current() is not None)
    assert plane.current() == Traffic(candidate=35)


def test_a_candidate_that_crashes_again_and_again_is_not_healthy(plane: MachinePlane) -> None:
    server = plane.admit("models:/a/2")
    for number in range(3):
        until(lambda: plane.supervisor.state(server.name).get("status") == "running")
        os.kill(plane.supervisor.state(server.name)["pid"], signal.SIGKILL)
        until(lambda: plane.supervisor.state(server.name).get("failures", 0) > number)  # noqa: B023
    until(lambda: plane.supervisor.state(server.name).get("status") == "running")
    time.sleep(0.1)
    assert plane.healthy()["candidate"] is False


def test_a_candidate_wins_once_it_is_admitted_not_by_the_victory_before(plane: MachinePlane, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="the proxy knows none"):
        plane.finish("candidate")
    plane.admit("models:/a/2")
    plane.finish("candidate")
    plane.finish("candidate")
    again = plane_in(tmp_path)  # its controller was killed before it could record that all was done
    again.open("models:/a/1")
    again.finish("candidate")
    following = plane_in(tmp_path, salt="r2")
    following.open("models:/a/2")
    with pytest.raises(FairleadError, match="the proxy knows none"):
        following.finish("candidate")
    following.admit("models:/a/3")
    following.finish("candidate")
    assert [s.bundle for s in plane.supervisor.servers()] == ["models:/a/3"]


def test_a_supervision_that_was_killed_is_back_with_all_it_kept_when_traffic_is_applied(plane: MachinePlane) -> None:
    plane.admit("models:/a/2")
    plane.apply(Traffic(candidate=35))
    os.kill(int((plane.supervisor.folder / "lock").read_text()), signal.SIGKILL)
    until(lambda: not plane.supervisor.running())
    assert plane.current() is None
    plane.apply(Traffic(candidate=35))
    assert plane.current() == Traffic(candidate=35)
    assert plane.healthy() == {"stable": True, "candidate": True}
    with Load(plane.proxy.port, call, clients=2, limit=20) as load:
        pass
    assert load.failed == []


def test_a_plane_that_was_closed_stays_closed(plane: MachinePlane) -> None:
    plane.close()
    with pytest.raises(FairleadError, match="cannot be reached"):
        plane.apply(Traffic())
    assert not plane.supervisor.running()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made = plane_in(tmp_path, port=taken.getsockname()[1])
        try:
            with pytest.raises(FairleadError, match=r"Envoy is not up(.|\n)*Address already in use"):
                made.open("models:/a/1")
        finally:
            made.close()
