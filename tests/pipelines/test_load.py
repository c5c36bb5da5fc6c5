"""Clients that keep every answer."""

import time

from components.serving.process import free_port
from pipelines.benchmarks.load import Load, post
from tests.rollout.planes.upstream import upstream


def test_every_request_has_its_answer() -> None:
    with upstream("stable") as server:
        with Load(server.port, lambda n: post("/x", x_request_id=f"r{n}"), clients=4, limit=100) as load:
            pass
        assert sorted(server.seen()) == sorted(f"r{n}" for n in range(1, len(load.answers) + 1))
    assert 100 <= len(load.answers) < 104
    assert {(a.status, a.variant) for a in load.answers} == {(200, "stable")}
    assert load.failed == []


def test_errors_and_silence_are_failures() -> None:
    with upstream("stable", status=500) as server, Load(server.port, lambda _: post("/x"), clients=1, limit=3) as load:
        pass
    assert [a.status for a in load.failed] == [500, 500, 500]
    with Load(free_port(), lambda _: post("/x"), clients=1, limit=2) as load:
        pass
    assert [a.status for a in load.failed] == [0, 0]


def test_it_goes_on_until_the_block_ends() -> None:
    with upstream("stable") as server, Load(server.port, lambda _: post("/x"), clients=2, pause=0.001) as load:
        while len(load.answers) < 10:
            time.sleep(0.001)
    after = len(load.answers)
    time.sleep(0.02)
    assert len(load.answers) == after
