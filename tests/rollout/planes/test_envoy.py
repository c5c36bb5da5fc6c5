"""A real Envoy before real servers: weights, keys that stick, copies, a dead candidate, a change of hands."""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.rollout import access_log
from components.rollout.planes import envoy as module
from components.rollout.planes.envoy import EnvoyPlane
from components.rollout.planes.envoy_process import place
from components.rollout.proxied import Proxied
from components.rollout.traffic import Traffic, Variant
from pipelines.benchmarks.load import Load, post
from tests.rollout.planes.upstream import Upstream, envoy, new_proxy, upstream

PATH = "/v2/models/sba_loans/infer"


def call(_: int) -> bytes:
    return post(PATH)


def with_key(number: int) -> bytes:
    return post(PATH, x_key=f"customer-{number}")


@dataclass
class Stage:
    plane: EnvoyPlane
    stable: Upstream
    candidate: Upstream

    def send(self, count: int, request: Callable[[int], bytes] = call, clients: int = 8) -> Load:
        with Load(self.plane.proxy.port, request, clients=clients, limit=count) as load:
            pass
        return load

    def log(self, load: Load) -> list[access_log.Record]:
        """What the log says of the requests of a load, once it says something of each."""
        ids = {a.request_id for a in load.answers}
        end = time.monotonic() + 5
        while time.monotonic() < end:
            records = [r for r in access_log.read(self.plane.proxy.access_log)[0] if r.request_id in ids]
            if len(records) >= len(ids):
                return records
            time.sleep(0.02)
        raise AssertionError(f"{len(records)} of {len(ids)} requests in the log")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Upstream, Upstream]]:
    with upstream("stable") as stable, upstream("candidate") as candidate:
        yield stable, candidate


@pytest.fixture
def stage(servers: tuple[Upstream, Upstream], tmp_path: Path) -> Iterator[Stage]:
    proxy = new_proxy(tmp_path / "envoy", sticky_header="x-key", salt="rollout-1")
    with envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", servers[0].port)
        plane.point("candidate", servers[1].port)
        until_healthy(plane)
        yield Stage(plane, *servers)


def until_healthy(plane: EnvoyPlane) -> None:
    end = time.monotonic() + 5
    while not all(plane.healthy().values()):
        assert time.monotonic() < end, plane.healthy()
        time.sleep(0.01)


def within(count: int, n: int, share: float) -> bool:
    """Whether a count is within five standard deviations of the binomial's mean: wrong once in two million."""
    return abs(count - n * share) <= 5 * (n * share * (1 - share)) ** 0.5


def test_weights_are_what_they_say(stage: Stage) -> None:
    for weight in (0, 1, 30, 100):
        stage.plane.apply(Traffic(candidate=weight))
        assert stage.plane.current() == Traffic(candidate=weight)
        load = stage.send(1000)
        assert load.failed == []
        assert within(Counter(a.variant for a in load.answers)["candidate"], 1000, weight / 100)
        assert {r.share for r in stage.log(load)} == {weight}


def test_a_key_stays_where_it_is_and_only_new_ones_move_over(stage: Stage) -> None:
    def side(weight: int) -> dict[str, str]:
        stage.plane.apply(Traffic(candidate=weight))
        load = stage.send(200, with_key, clients=1)
        return dict(zip([f"customer-{n}" for n in range(1, 201)], [a.variant for a in load.answers], strict=True))

    at_20, again, at_50 = side(20), side(20), side(50)
    assert at_20 == again
    moved = {key for key in at_20 if at_20[key] != at_50[key]}
    assert within(Counter(at_20.values())["candidate"], 200, 0.2)
    assert within(Counter(at_50.values())["candidate"], 200, 0.5)
    assert {at_50[key] for key in moved} == {"candidate"}


def test_another_rollout_draws_other_keys(stage: Stage) -> None:
    stage.plane.apply(Traffic(candidate=50))
    first = [a.variant for a in stage.send(200, with_key, clients=1).answers]
    other = EnvoyPlane(stage.plane.proxy.model_copy(update={"salt": "rollout-2"}))
    other.apply(Traffic(candidate=50))
    second = [a.variant for a in stage.send(200, with_key, clients=1).answers]
    assert within(sum(a == b for a, b in zip(first, second, strict=True)), 200, 0.5)


@pytest.mark.parametrize("traffic", [Traffic(mirror="candidate"), Traffic(candidate=100, mirror="stable")], ids=str)
def test_every_request_is_copied_with_its_id(stage: Stage, traffic: Traffic) -> None:
    assert traffic.mirror is not None
    shadow = stage.candidate if traffic.mirror == "candidate" else stage.stable
    before = len(shadow.seen("/mirrored"))
    stage.plane.apply(traffic)
    load = stage.send(500)
    assert load.failed == []
    assert {a.variant for a in load.answers} == {"stable" if traffic.mirror == "candidate" else "candidate"}
    end = time.monotonic() + 5
    while len(shadow.seen("/mirrored")) < before + 500 and time.monotonic() < end:
        time.sleep(0.02)
    assert Counter(shadow.seen("/mirrored")[before:]) == Counter(a.request_id for a in load.answers)
    assert {r.mirror for r in stage.log(load)} == {traffic.mirror}


def test_a_clients_own_id_is_kept_and_its_word_on_variants_is_not(stage: Stage) -> None:
    own = post(PATH, x_request_id="mine-1", x_fairlead_chosen="candidate", x_fairlead_mirrored="true")
    load = stage.send(1, lambda _: own)
    assert load.answers[0].request_id == "mine-1"
    record = stage.log(load)[0]
    assert (record.request_id, record.chosen, record.answered) == ("mine-1", "stable", "stable")
    assert "mine-1" in stage.stable.seen()
    assert "mine-1" not in stage.stable.seen("/mirrored")


def test_no_request_fails_while_weights_change(stage: Stage) -> None:
    with Load(stage.plane.proxy.port, call, clients=8) as load:
        for weight in (1, 5, 10, 25, 50, 75, 100, 60, 30, 10, 2, 0):
            stage.plane.apply(Traffic(candidate=weight))
            seen = len(load.answers)
            while len(load.answers) < seen + 100:
                time.sleep(0.005)
    assert load.failed == []
    assert len(load.answers) >= 1200


def test_rollback_takes_less_than_a_second(stage: Stage) -> None:
    stage.plane.apply(Traffic(candidate=50))
    with Load(stage.plane.proxy.port, call, clients=8) as load:
        while len(load.answers) < 300:
            time.sleep(0.005)
        verdict = time.monotonic()
        stage.plane.apply(Traffic())
        seen = len(load.answers)
        while len(load.answers) < seen + 300:
            time.sleep(0.005)
    last = max(a.sent for a in load.answers if a.variant == "candidate")
    assert load.failed == []
    assert last - verdict < 1


def test_a_candidate_that_is_killed_costs_nothing(tmp_path: Path, servers: tuple[Upstream, Upstream]) -> None:
    proxy = new_proxy(tmp_path / "envoy")
    with upstream("candidate") as doomed, envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", servers[0].port)
        plane.point("candidate", doomed.port)
        until_healthy(plane)
        plane.apply(Traffic(candidate=50))
        with Load(proxy.port, call, clients=8) as load:
            while len(load.answers) < 500:
                time.sleep(0.005)
            os.kill(doomed.process.pid, signal.SIGKILL)
            seen = len(load.answers)
            while len(load.answers) < seen + 1500:
                time.sleep(0.005)
            end = time.monotonic() + 5
            while plane.healthy() != {"stable": True, "candidate": False}:
                assert time.monotonic() < end, plane.healthy()
                time.sleep(0.01)
        assert len(load.failed) <= len(load.answers) / 1000
        rescued = [r for r in Stage(plane, servers[0], doomed).log(load) if r.failed]
        assert len(rescued) > 500
        assert {(r.chosen, r.answered) for r in rescued if not r.seen_to_fail} == {("candidate", "stable")}


def test_errors_of_the_candidate_are_answered_by_stable_and_stay_on_its_account(
    tmp_path: Path, servers: tuple[Upstream, Upstream]
) -> None:
    proxy = new_proxy(tmp_path / "envoy")
    with upstream("candidate", status=500) as broken, envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", servers[0].port)
        plane.point("candidate", broken.port)
        until_healthy(plane)
        plane.apply(Traffic(candidate=50))
        stage = Stage(plane, servers[0], broken)
        load = stage.send(400)
        assert load.failed == []
        assert plane.healthy() == {"stable": True, "candidate": True}
        records = stage.log(load)
        assert {r.failed for r in records if r.chosen == "candidate"} == {True}
        assert {r.failed for r in records if r.chosen == "stable"} == {False}
        assert {r.seen_to_fail for r in records} == {False}


def test_the_candidate_becomes_stable_without_a_failed_request(stage: Stage) -> None:
    plane = stage.plane
    plane.apply(Traffic(candidate=25))
    with Load(plane.proxy.port, call, clients=8) as load:
        while len(load.answers) < 200:
            time.sleep(0.005)
        plane.finish("candidate")
        seen = len(load.answers)
        while len(load.answers) < seen + 200:
            time.sleep(0.005)
    assert load.failed == []
    assert {a.variant for a in load.answers[-100:]} == {"candidate"}
    assert plane.current() == Traffic()
    assert (plane.port("stable"), plane.port("candidate")) == (stage.candidate.port, None)
    plane.finish("candidate")
    assert plane.port("stable") == stage.candidate.port


@pytest.mark.parametrize("winner", ["stable", "candidate"])
def test_finishing_goes_on_where_it_was_interrupted(
    stage: Stage, winner: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[Path] = []

    def interrupted(path: Path, part: dict[str, object]) -> None:
        if len(placed) == limit:
            raise KeyboardInterrupt
        place(path, part)
        placed.append(path)

    for limit in range(10):  # noqa: B007  the function above looks at it
        stage.plane.apply(Traffic())
        stage.plane.point("stable", stage.stable.port)
        stage.plane.point("candidate", stage.candidate.port)
        until_healthy(stage.plane)
        stage.plane.apply(Traffic(candidate=50))
        placed.clear()
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(module, "place", interrupted)
            stage.plane.finish(winner)
            break
        EnvoyPlane(stage.plane.proxy).finish(winner)
        winning = stage.stable if winner == "stable" else stage.candidate
        assert (stage.plane.port("stable"), stage.plane.port("candidate")) == (winning.port, None)
        assert stage.plane.current() == Traffic()
    assert len(placed) == (2 if winner == "stable" else 4)


def test_without_a_candidate_nothing_is_sent_to_one(tmp_path: Path, servers: tuple[Upstream, Upstream]) -> None:
    proxy = new_proxy(tmp_path / "envoy")
    with envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", servers[0].port)
        with pytest.raises(FairleadError, match="needs a candidate"):
            plane.apply(Traffic(candidate=5))
        with pytest.raises(FairleadError, match="candidate cannot win"):
            plane.finish("candidate")
        with pytest.raises(FairleadError, match="stable cannot be taken away"):
            plane.point("stable", None)
        assert plane.current() == Traffic()
        assert plane.healthy()["candidate"] is False


def test_a_refused_change_leaves_what_was_in_force(stage: Stage) -> None:
    stage.plane.apply(Traffic(candidate=5))
    before = stage.plane.proxy.routes.read_text(encoding="utf-8")
    refusing = EnvoyPlane(stage.plane.proxy.model_copy(update={"try_seconds": 1e12}), patience=0.3)
    with pytest.raises(FairleadError, match="what was in force before still is"):
        refusing.apply(Traffic(candidate=50))
    assert stage.plane.proxy.routes.read_text(encoding="utf-8") == before
    assert stage.plane.current() == Traffic(candidate=5)


def test_an_envoy_that_was_killed_comes_back_with_its_weights(
    tmp_path: Path, servers: tuple[Upstream, Upstream]
) -> None:
    proxy = new_proxy(tmp_path / "envoy")
    plane = EnvoyPlane(proxy)
    with envoy(proxy):
        plane.point("stable", servers[0].port)
        plane.point("candidate", servers[1].port)
        plane.apply(Traffic(candidate=35))
    assert plane.current() is None
    assert plane.healthy() == {}
    with pytest.raises(FairleadError, match="cannot be reached"):
        plane.apply(Traffic())
    with envoy(proxy):
        assert plane.current() == Traffic(candidate=35)


def test_what_clients_give_up_on_is_logged_with_the_time_they_waited(
    tmp_path: Path, servers: tuple[Upstream, Upstream]
) -> None:
    proxy = new_proxy(tmp_path / "envoy", health_seconds=10.0)
    since = datetime.now(UTC)
    with upstream("candidate") as hung, envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", servers[0].port)
        plane.point("candidate", hung.port)
        until_healthy(plane)
        plane.apply(Traffic(candidate=100))
        os.kill(hung.process.pid, signal.SIGSTOP)
        for i in range(3):
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                client.sendall(post(PATH, x_request_id=f"left-{i}"))
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.recv(1)
        os.kill(hung.process.pid, signal.SIGCONT)
        Stage(plane, servers[0], hung).send(1, lambda _: post(PATH, x_fairlead_explains="1"))
        end = time.monotonic() + 5
        while len(access_log.read(proxy.access_log)[0]) < 4:
            assert time.monotonic() < end
            time.sleep(0.02)
        found = Proxied(proxy.access_log, since).read(datetime.now(UTC))
    assert sorted(found["request_id"]) == ["left-0", "left-1", "left-2"], "an explainer's calls are nobody's"
    assert found.select("candidate", "failed", "broken", "gone").unique().rows() == [(True, True, False, True)]
    assert found["latency_ms"].is_between(190, 2000).all()
