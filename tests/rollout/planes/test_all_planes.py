"""What every traffic plane has to do, for each that there is."""

import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.rollout import planes
from components.rollout.planes.cluster import KubernetesCluster
from components.rollout.planes.envoy import EnvoyPlane
from components.rollout.planes.httproute import HTTPRoutePlane
from components.rollout.planes.knative import KnativePlane
from components.rollout.planes.machine import MachinePlane
from components.rollout.planes.memory import MemoryPlane
from components.rollout.planes.standard import StandardPlane
from components.rollout.traffic import VARIANTS, Plane, Traffic, Variant
from tests.rollout.planes.cluster_api import Api, route, service
from tests.rollout.planes.upstream import envoy, new_proxy, upstream
from tests.rollout.test_supervisor import command

Cluster = tuple[Api, KubernetesCluster]
Made = AbstractContextManager[Plane]

MIRRORS = (Traffic(mirror="candidate"), Traffic(candidate=100, mirror="stable"))

SKIPPED = {
    ("KnativePlane", "mirror"): "Knative has no mirroring",
    ("StandardPlane", "mirror"): "spec.canary has no mirroring",
    ("KnativePlane", "back from 100"): "a revision that has had everything is the one that KServe goes back to",
}
"""Plane and check → why it does not hold there; that it is refused is checked instead."""


@contextmanager
def memory(_: Path, __: Cluster) -> Iterator[Plane]:
    yield MemoryPlane()


@contextmanager
def real_envoy(folder: Path, _: Cluster) -> Iterator[Plane]:
    proxy = new_proxy(folder)
    with upstream("stable") as stable, upstream("candidate") as candidate, envoy(proxy):
        plane = EnvoyPlane(proxy)
        plane.point("stable", stable.port)
        plane.point("candidate", candidate.port)
        yield plane


@contextmanager
def machine(folder: Path, _: Cluster) -> Iterator[Plane]:
    plane = MachinePlane(folder / "t", read_settings({"FAIRLEAD_HOME": str(folder)}), command=command)
    try:
        plane.open("models:/a/1")
        plane.admit("models:/a/2")
        yield plane
    finally:
        plane.close()


@contextmanager
def knative(_: Path, cluster: Cluster) -> Iterator[Plane]:
    cluster[0].put(service("sba", "Knative"))
    plane = KnativePlane(cluster[1], "sba", "gs://models/sba/1", "gs://models/sba/2")
    plane.apply(Traffic())
    yield plane


@contextmanager
def standard(_: Path, cluster: Cluster) -> Iterator[Plane]:
    cluster[0].put(service("sba", "Standard"))
    plane = StandardPlane(cluster[1], "sba", "gs://models/sba/2")
    plane.apply(Traffic())
    yield plane


@contextmanager
def httproute(_: Path, cluster: Cluster) -> Iterator[Plane]:
    for made in (service("sba-1", "Standard"), service("sba-2", "Standard"), route("sba")):
        cluster[0].put(made)
    plane = HTTPRoutePlane(cluster[1], "sba", "sba-1", "sba-2")
    plane.apply(Traffic())
    yield plane


MAKERS: dict[str, Callable[[Path, Cluster], Made]] = {
    "MemoryPlane": memory,
    "EnvoyPlane": real_envoy,
    "MachinePlane": machine,
    "KnativePlane": knative,
    "StandardPlane": standard,
    "HTTPRoutePlane": httproute,
}


def all_planes() -> list[str]:
    """Names of all classes below ``components.rollout.planes`` that do what a plane does."""
    found = set()
    for module in pkgutil.iter_modules(planes.__path__, f"{planes.__name__}."):
        for name, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if all(callable(getattr(thing, method, None)) for method in ("apply", "current", "healthy", "finish")):
                found.add(name)
    return sorted(found)


@pytest.fixture(params=all_planes())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def plane(name: str, tmp_path: Path, cluster: Cluster) -> Iterator[Plane]:
    with MAKERS[name](tmp_path, cluster) as made:
        end = time.monotonic() + 5
        while not all(made.healthy().values()) and time.monotonic() < end:
            time.sleep(0.01)
        yield made


def test_every_plane_is_made_here() -> None:
    assert all_planes() == sorted(MAKERS)
    assert {name for name, _ in SKIPPED} <= set(MAKERS)


def test_a_candidate_is_well_and_gets_nothing_at_first(plane: Plane) -> None:
    assert plane.healthy() == dict.fromkeys(VARIANTS, True)
    assert plane.current() == Traffic()


def test_what_is_applied_is_in_force_and_applying_it_again_changes_nothing(plane: Plane) -> None:
    for weight in (1, 50, 50, 33, 99, 0, 100):
        plane.apply(Traffic(candidate=weight))
        assert plane.current() == Traffic(candidate=weight)


def test_rollback_is_one_step_from_everywhere(plane: Plane, name: str) -> None:
    for traffic in (Traffic(candidate=1), Traffic(candidate=99), *MIRRORS, Traffic(candidate=100)):
        if traffic.mirror and (name, "mirror") in SKIPPED:
            continue
        plane.apply(traffic)
        if traffic.candidate == 100 and (name, "back from 100") in SKIPPED:
            with pytest.raises(FairleadError, match="has had everything"):
                plane.apply(Traffic())
            with pytest.raises(FairleadError, match="has had everything"):
                plane.finish("stable")
            continue
        plane.apply(Traffic())
        assert plane.current() == Traffic()


@pytest.mark.parametrize("mirrored", MIRRORS, ids=str)
def test_a_mirror_is_brought_about_or_refused(plane: Plane, name: str, mirrored: Traffic) -> None:
    plane.apply(Traffic(candidate=10))
    if (name, "mirror") in SKIPPED:
        with pytest.raises(FairleadError, match="cannot mirror"):
            plane.apply(mirrored)
        assert plane.current() == Traffic(candidate=10)
    else:
        plane.apply(mirrored)
        assert plane.current() == mirrored


@pytest.mark.parametrize("winner", VARIANTS)
def test_whoever_wins_is_stable_then_however_often_it_is_said(plane: Plane, winner: Variant) -> None:
    plane.apply(Traffic(candidate=50))
    for _ in range(2):
        plane.finish(winner)
        assert plane.current() == Traffic()
        assert plane.healthy()["stable"]
