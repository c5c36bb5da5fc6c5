"""A node with its stage, made once for all tests of this folder that play on it."""

import time
from collections.abc import Iterator

import pytest

from components.images import image
from tests.cluster import container_runtime, root_file_system, stage
from tests.cluster.memory import Peak, watched
from tests.cluster.oci import pause_image
from tests.cluster.programs import cache_folder
from tests.cluster.stage import Stage

MOST_MEGABYTES = 4096


@pytest.fixture(scope="session")
def on_stage() -> Iterator[Stage]:
    """The stage; says at the end how long all took and how much memory was used at once."""
    why = stage.missing() or root_file_system.missing()
    if why:
        pytest.skip(why)
    begun = time.monotonic()
    serving = root_file_system.archive("serving")
    built = time.monotonic()
    peak = Peak()
    names = image("serving"), image("platform")
    with (
        watched([container_runtime.RUN, cache_folder() / "node"], peak),
        stage.stage(serving, names, pause_image()) as made,
    ):
        ready = time.monotonic()
        yield made
    done = time.monotonic()
    times = f"image {built - begun:.0f} s, stage {ready - built:.0f} s, all {done - begun:.0f} s"
    parts = sorted(peak.parts.items(), key=lambda part: -part[1])[:8]
    print(f"\nnode: {times}; at most {peak.megabytes:.0f} MB at once: {', '.join(f'{n} {m:.0f}' for n, m in parts)}")
    assert peak.megabytes < MOST_MEGABYTES
