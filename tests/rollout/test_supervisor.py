"""Servers that outlive who started them, are found again, and end with their supervision."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.rollout.supervisor import Server, Supervisor, model_server
from components.rollout.traffic import Variant
from pipelines.benchmarks.load import Load, post
from tests.rollout.planes import upstream_server
from tests.rollout.test_child import gone, until


def command(variant: Variant, bundle: str, port: int) -> list[str]:
    """A small server instead of a model server; a bundle called broken ends at once."""
    if bundle == "broken":
        return [sys.executable, "-S", "-c", "raise SystemExit('this bundle is broken')"]
    return [sys.executable, str(upstream_server.__file__), variant, "200", str(port)]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "servers", command=command)
    yield made
    made.close()


def pid(supervisor: Supervisor, name: str) -> int:
    found = supervisor.state(name)["pid"]
    assert isinstance(found, int)
    return found


def test_a_server_is_started_found_again_and_drained(supervisor: Supervisor) -> None:
    server = supervisor.start("stable", "models:/a/1")
    assert server == Server("stable-1", "stable", "models:/a/1", supervisor.ports()["stable"])
    assert supervisor.alive() == {"stable": True, "candidate": False}
    with Load(server.port, lambda _: post("/x"), clients=1, limit=3) as load:
        pass
    assert [a.variant for a in load.answers] == ["stable"] * 3

    other = Supervisor(supervisor.folder, command=command)
    assert other.start("stable", "models:/a/1") == server
    assert other.state("stable-1")["starts"] == 1
    before = pid(other, "stable-1")
    other.stop("stable-1")
    other.stop("stable-1")
    assert gone(before)
    assert other.servers() == []


def test_one_that_crashed_is_back_on_its_port(supervisor: Supervisor) -> None:
    server = supervisor.start("candidate", "models:/a/2")
    first = pid(supervisor, "candidate-1")
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.state("candidate-1").get("pid") not in (None, first))
    assert supervisor.start("candidate", "models:/a/2") == server
    assert supervisor.state("candidate-1")["exit_status"] == -signal.SIGKILL


def test_one_that_goes_on_crashing_is_told_and_taken_back(supervisor: Supervisor) -> None:
    supervisor.start("stable", "models:/a/1")
    with pytest.raises(FairleadError, match=r"candidate-2 ended 3 times(.|\n)*this bundle is broken"):
        supervisor.start("candidate", "broken")
    assert [s.name for s in supervisor.servers()] == ["stable-1"]
    assert supervisor.alive() == {"stable": True, "candidate": False}


def test_a_crash_loop_is_not_alive(supervisor: Supervisor) -> None:
    supervisor.keep("candidate-1", command("candidate", "broken", 1), vars(Server("candidate-1", "candidate", "b", 1)))
    until(lambda: supervisor.state("candidate-1").get("failures", 0) >= 3)
    for _ in range(20):
        assert not supervisor.alive()["candidate"]
        time.sleep(0.005)


def test_a_new_bundle_starts_beside_the_old_one(supervisor: Supervisor) -> None:
    old, new = supervisor.start("stable", "models:/a/1"), supervisor.start("stable", "models:/a/2")
    assert (old.name, new.name) == ("stable-1", "stable-2")
    assert supervisor.ports() == {"stable": new.port}
    assert supervisor.servers("stable") == [old, new]


def test_servers_end_with_a_supervision_that_is_killed_and_come_back_with_the_next(supervisor: Supervisor) -> None:
    server = supervisor.start("stable", "models:/a/1")
    first = pid(supervisor, server.name)
    os.kill(int((supervisor.folder / "lock").read_text()), signal.SIGKILL)
    until(lambda: gone(first))
    until(lambda: not supervisor.running())
    assert supervisor.alive() == {"stable": False, "candidate": False}
    assert supervisor.start("stable", "models:/a/1") == server
    assert pid(supervisor, server.name) != first


def test_a_supervision_that_was_killed_is_revived_once_and_one_that_was_closed_is_not(supervisor: Supervisor) -> None:
    assert not supervisor.revive()
    server = supervisor.start("stable", "models:/a/1")
    first = pid(supervisor, server.name)
    assert not supervisor.revive()
    os.kill(int((supervisor.folder / "lock").read_text()), signal.SIGKILL)
    until(lambda: gone(first))
    until(lambda: not supervisor.running())
    assert supervisor.revive()
    assert supervisor.alive()["stable"]
    supervisor.close()
    assert not supervisor.revive()
    assert not supervisor.running()


def test_closing_leaves_no_process(supervisor: Supervisor) -> None:
    server = supervisor.start("stable", "models:/a/1")
    process = pid(supervisor, server.name)
    supervisor.close()
    assert gone(process)
    assert not supervisor.running()
    supervisor.close()


def test_the_folder_is_its_owners_alone(supervisor: Supervisor) -> None:
    supervisor.start("stable", "models:/a/1")
    assert supervisor.folder.stat().st_mode & 0o077 == 0


def test_a_model_server_knows_its_variant() -> None:
    line = model_server("candidate", "models:/sba_loans/2", 8123)
    assert line[1:3] == ["-m", "components.serving"]
    options = dict(zip(line[3::2], line[4::2], strict=True))
    assert options == {
        "--bundle": "models:/sba_loans/2",
        "--variant": "candidate",
        "--host": "127.0.0.1",
        "--http-port": "8123",
    }
