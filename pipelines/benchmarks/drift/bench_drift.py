"""The drift engine beside its peers and a floor, in one interleaved run, and its verdicts."""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from components.core.errors import FairleadError
from pipelines import environments
from pipelines.benchmarks.drift import sketched, wide_table
from pipelines.benchmarks.drift.contestants import CATEGORIES, CONTESTANTS, FLOOR, NUMERIC, OURS, Contestant, Took
from pipelines.benchmarks.measure import Figure, Say, table

ROOT = Path(__file__).parents[3]

FLOORS = 2.0
"""So many times the floor's CPU time ours may take, at most."""
ABOVE_GB = 1.5
"""Memory beyond the arrays, at most."""
WINDOW_ROWS, WINDOW_SECONDS = 100_000, 15.0
"""Predictions of a window, and the time in which it is to be looked at, from the log to the report."""

PATIENCE_SECONDS = 900.0


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: tuple[int, int] = (200_000, 1_000_000)
    """Of the reference and of the current side."""
    rounds: int = 3
    window_rows: int = WINDOW_ROWS
    held: bool = True
    """Whether targets in time and memory are held; what is quick is mostly start-up."""


SHORT = Size(rows=(20_000, 100_000), rounds=1, window_rows=5_000, held=False)

Window = Callable[[int], float]
"""Looks once at a window of so many logged predictions, and returns the seconds from the log to the report."""


def bench_drift(home: Path, say: Say, short: bool = False, window: Window | None = None) -> bool:
    """Measure everything and say it as one table.

    Args:
        home: where the peers' environments are kept; those that are missing are made.
        say: takes one line.
        short: a quick look at less; targets in time and memory are not held.
        window: how a window is looked at; without it that is not measured, and no promise about it is kept.

    Returns:
        Whether every target was kept.

    Raises:
        FairleadError: a contestant failed; shows the end of what it wrote.
    """
    size, started = SHORT if short else Size(), time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    environments.ensure([c.group for c in CONTESTANTS], home, progress)
    with tempfile.TemporaryDirectory(prefix="fairlead-drift-") as folder:
        progress(f"writing the tables: {size.rows[0]:,} and {size.rows[1]:,} rows of {NUMERIC + CATEGORIES} columns")
        wide_table.write(Path(folder), size.rows)
        took = contest(Path(folder), size.rounds, home, progress)
        figures = verdicts(took, size)
        progress("sketches")
        figures += sketched.measure(Path(folder), took[FLOOR][0].distances, size.held)
    if window is not None:
        progress(f"a look at a window of {size.window_rows:,} predictions")
        figures.append(_windowed(window(size.window_rows), size))
    say("")
    say(table(figures))
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} targets missed: {', '.join(missed)}" if missed else "\nevery target was kept")
    return not missed


def contest(folder: Path, rounds: int, home: Path, say: Say) -> Mapping[str, Sequence[Took]]:
    """Run all contestants in turn, round by round, so that what else the machine does meets all of them.

    Returns:
        What each took in each round, by its name.
    """
    took: dict[str, list[Took]] = {c.name: [] for c in CONTESTANTS}
    for number in range(1, rounds + 1):
        for contestant in CONTESTANTS:
            found = run(contestant, folder, home)
            say(f"round {number}: {contestant.title}, {found.cpu_seconds:.2f} CPU-s")
            took[contestant.name].append(found)
    return took


def run(contestant: Contestant, folder: Path, home: Path) -> Took:
    """Run one in its environment.

    Raises:
        FairleadError: it failed, or took too long.
    """
    python = environments.interpreter(contestant.group, home)
    command = [str(python), "-m", "pipelines.benchmarks.drift.contestants", contestant.name, str(folder)]
    try:
        done = subprocess.run(
            [*command, str(contestant.every)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise FairleadError(f"{contestant.title} has not ended after {PATIENCE_SECONDS:g} s") from error
    if done.returncode:
        raise FairleadError(f"{contestant.title} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return Took(**json.loads(done.stdout.splitlines()[-1]))


def verdicts(took: Mapping[str, Sequence[Took]], size: Size) -> list[Figure]:
    """Hold what ours took against the targets, and the answers of all against the floor's."""
    cpu = {c.name: c.every * median(t.cpu_seconds for t in took[c.name]) for c in CONTESTANTS}
    above = {name: max(t.above_gb for t in each) for name, each in took.items()}
    rows = f"{size.rows[1]:,} x {NUMERIC + CATEGORIES} beside {size.rows[0]:,}"
    ours = cpu[OURS]
    figures = [
        Figure(f"KS, PSI, chi-square of {rows}", ours, "CPU-s", "2 x plain numpy", FLOORS * cpu[FLOOR], size.held),
    ]
    for c in CONTESTANTS:
        if c.at_least is not None:
            against = f"1/{c.at_least:g} of {c.title}"
            figures.append(
                Figure(f"  of {c.title}'s time", ours, "CPU-s", against, cpu[c.name] / c.at_least, size.held)
            )
    figures.append(Figure("  memory beyond the tables", above[OURS], "GB", "target", ABOVE_GB, size.held))
    for c in CONTESTANTS[1:]:
        part = f", {-(-(NUMERIC + CATEGORIES) // c.every)} columns, time x {c.every}" if c.every > 1 else ""
        figures.append(Figure(f"{c.title}: {c.tests}{part}", cpu[c.name], "CPU-s"))
        figures.append(Figure("  memory beyond the tables", above[c.name], "GB"))
    return figures + [_agreement(c, took) for c in CONTESTANTS if c.name != FLOOR and c.distance_error is not None]


def _agreement(contestant: Contestant, took: Mapping[str, Sequence[Took]]) -> Figure:
    exact = took[FLOOR][0].distances
    told = took[contestant.name][0].distances
    shared = exact.keys() & told.keys()
    error = max((abs(told[n] - exact[n]) for n in shared), default=float("nan"))
    allowed = contestant.distance_error
    what = f"{contestant.title}: largest error of {len(shared)} KS distances"
    return Figure(what, error, "", "target" if contestant.name == OURS else "expected", allowed, target=True)


def _windowed(seconds: float, size: Size) -> Figure:
    what = f"a look at {size.window_rows:,} predictions, from the log to the report"
    return Figure(what, seconds, "s", "target", WINDOW_SECONDS, size.held)
