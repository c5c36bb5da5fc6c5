"""Measuring in a process of its own, and figures beside what they are held against."""

import contextlib
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from components.core.errors import FairleadError

Say = Callable[[str], None]

TAIL = 2_000
"""Characters of a failed process's output that the error shows."""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Args:
        what: what was measured.
        value: the figure.
        unit: its unit.
        against: the peer or the target, in words.
        reference: the peer's figure or the target's limit, in the same unit; None where there is none.
        target: whether ``reference`` is a limit that should be kept.
    """

    what: str
    value: float
    unit: str
    against: str = ""
    reference: float | None = None
    target: bool = False

    @property
    def missed(self) -> bool:
        """Whether a target was not kept."""
        return self.target and self.reference is not None and not self.value <= self.reference

    def row(self) -> tuple[str, str, str, str]:
        """Write as the four cells of the table; the ratio is figure by reference, so that less is better."""
        figure = f"{number(self.value)} {self.unit}".strip()
        if self.reference is None:
            return self.what, figure, self.against, ""
        held = f"{self.against} {'≤ ' if self.target else ''}{number(self.reference)} {self.unit}".strip()
        ratio = f"{self.value / self.reference:.2g}" if self.reference else "-"
        return self.what, figure, held, ratio + (" MISSED" if self.missed else "")


def number(value: float) -> str:
    """Write a number in three significant figures, integers whole.

    >>> number(1.2345), number(899164), number(3e-08), number(0)
    ('1.23', '899,164', '3e-08', '0')
    """
    whole = isfinite(value) and (abs(value) >= 100 or value == int(value))
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """Write figures as one table: what, figure, peer or target, ratio of the two.

    >>> print(table([Figure("start", 2.0, "s", "target", 4.0, target=True)]))
    what   figure  peer or target  ratio
    start  2 s     target ≤ 4 s    0.5
    """
    rows = [("what", "figure", "peer or target", "ratio"), *(f.row() for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


@dataclass(frozen=True)
class Apart:
    """What a function did in a process of its own."""

    result: Any
    seconds: float
    """Time within the function; the process's start and the imports of the function's module are not in it."""
    cpu_seconds: float
    """Time of all cores within the function, its child processes left out."""
    peak_gb: float
    """Most memory that the process held, imports included; 1 GB is 2**30 bytes."""


def apart(function: Callable[..., Any], *arguments: Any, say: Say | None = None) -> Apart:
    """Call a function in a fresh process.

    Args:
        function: one that can be imported; with ``say`` it takes a function for lines of progress as its last argument.
        arguments: that can be pickled; so must be the result.
        say: takes each line of progress.

    Raises:
        FairleadError: it failed; shows the end of what it wrote.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.log"
        child = context.Process(target=_child, args=(theirs, output, function, arguments, say is not None))
        child.start()
        theirs.close()
        try:
            with contextlib.suppress(EOFError):
                while isinstance(found := ours.recv(), str):
                    if say is not None:
                        say(found)
                child.join()
                assert isinstance(found, Apart)
                return found
            child.join()
            text = output.read_text(encoding="utf-8", errors="replace")[-TAIL:] if output.exists() else ""
            raise FairleadError(f"measuring {function.__name__} ended with status {child.exitcode}:\n{text}")
        finally:
            child.kill()
            ours.close()


def times(call: Callable[[], object], runs: int = 5) -> float:
    """Return the median time of several calls in seconds."""
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return median(found)


def _child(
    connection: Connection, output: Path, function: Callable[..., Any], arguments: Sequence[Any], says: bool
) -> None:
    with output.open("w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    started, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments, connection.send) if says else function(*arguments)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    connection.send(Apart(result, seconds, cpu, _peak_gb()))


def _peak_gb() -> float:
    # Linux counts into ru_maxrss what the parent held when it started this process; VmHWM is of this one alone.
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30
