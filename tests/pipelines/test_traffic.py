"""The measurements themselves, on small servers in the place of model servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.config import read_settings
from components.rollout.planes.machine import MachinePlane
from pipelines.benchmarks import traffic
from pipelines.benchmarks.traffic import MEASUREMENTS, Ground, Sizes
from tests.rollout.test_child import until
from tests.rollout.test_supervisor import command

SMALL = Sizes(draws=300, between=50, killed=600, mirrored=200, rollbacks=2, seconds=1, clients=4)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    settings = read_settings({"FAIRLEAD_HOME": str(tmp_path)})
    plane = MachinePlane(tmp_path / "machine", settings, command=command)
    try:
        plane.open("models:/a/1")
        plane.admit("models:/a/2")
        until(lambda: all(plane.healthy().values()))
        yield Ground(plane, "/v2/models/a/infer", (b"{}",), SMALL, Path("no-wrk"), "models:/a/2")
    finally:
        plane.close()


def test_every_target_is_kept_and_every_figure_counts_something(ground: Ground) -> None:
    figures = [f for name, measure in MEASUREMENTS.items() if measure is not traffic.cost for f in measure(ground)]
    assert [f.what for f in figures if f.missed] == []
    values = {f.what.strip(): f.value for f in figures}
    assert values["answered by stable in its place"] > 100
    assert values["candidate restarted and healthy after"] > 0
    assert sum(f.target for f in figures) == 10


def test_a_shadow_that_sees_nothing_misses_the_target(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_answered", lambda *_: 0)
    monkeypatch.setattr(traffic, "COPIES_SECONDS", 0.1)
    assert [f.missed for f in traffic.mirrored(ground)] == [True, True]
