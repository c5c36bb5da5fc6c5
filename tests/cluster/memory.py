"""Memory of a node's processes: pods, the control plane, what runs beside it, and the tests themselves."""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.container_runtime import contained, processes

EVERY_SECONDS = 3.0


@dataclass
class Peak:
    """The most that was in use at once.

    Args:
        megabytes: proportional set size, where shared pages are divided among who shares them.
        parts: the same by program, at that moment.
    """

    megabytes: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


@contextmanager
def watched(folders: Iterable[Path], peak: Peak) -> Iterator[None]:
    """Look at the memory every few seconds.

    Args:
        folders: a process with one of them in its command line is the node's.
        peak: where the most is written.
    """
    over, places = threading.Event(), [str(folder) for folder in folders]

    def look() -> None:
        while not over.wait(EVERY_SECONDS):
            parts: dict[str, float] = {}
            for pid in {*processes(places), *contained(), *_below(os.getpid())}:
                with suppress(OSError, AttributeError):
                    name, megabytes = _used(pid)
                    parts[name] = parts.get(name, 0.0) + megabytes
            if sum(parts.values()) > peak.megabytes:
                peak.megabytes, peak.parts = sum(parts.values()), parts

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _used(pid: int) -> tuple[str, float]:
    folder = Path("/proc") / str(pid)
    found = re.search(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return (folder / "comm").read_text().strip(), int(found[1]) / 1024


def _below(pid: int) -> Iterator[int]:
    """Return a process and all that come from it."""
    yield pid
    for task in (Path("/proc") / str(pid) / "task").glob("*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                yield from _below(int(child))
