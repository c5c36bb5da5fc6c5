"""The published table: what each batch test and each online detector finds of staged shifts, how soon, and for nothing.

``write`` makes ``components/monitoring/DETECTION.md``; nobody edits that by hand.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scipy import stats

from components.core.artifacts import whole_file
from components.monitoring.detectors.catalogue import DETECTORS
from components.monitoring.detectors.sequential import ALPHA
from pipelines.benchmarks.measure import Say
from pipelines.benchmarks.staged_batch import REFERENCE_ROWS, SETTINGS, SHIFTS, TESTS, Family, Found, detected, still
from pipelines.benchmarks.staged_streams import (
    AFTER,
    BEFORE,
    CHANGES,
    TOLERATED,
    Calm,
    Change,
    Delay,
    at_the_edge,
    delays,
    false_alarms,
)

PUBLISHED = Path(__file__).parents[2] / "components" / "monitoring" / "DETECTION.md"

SEED = 20_264

STILL = (CHANGES[0], CHANGES[4], CHANGES[6])
"""One change of each kind of stream, before it happens."""


@dataclass(frozen=True)
class Sizes:
    """How much is simulated."""

    rows: tuple[int, ...] = (500, 2_000, 10_000)
    """Of the newest window."""
    windows: int = 60
    windows_together: int = 20
    """Tests of several columns take ten times as long."""
    still_windows: int = 60
    streams: int = 60
    still_streams: int = 40
    still_length: int = 10_000
    edge_streams: int = 400
    workers: int = 2
    """Processes; with one, all is done in this one."""


SHORT = Sizes(
    rows=(500,),
    windows=3,
    windows_together=2,
    still_windows=3,
    streams=2,
    still_streams=2,
    still_length=2_000,
    edge_streams=20,
    workers=1,
)


@dataclass(frozen=True)
class Measured:
    """All that was simulated."""

    sizes: Sizes
    found: Sequence[Found]
    still: Sequence[Found]
    delays: Sequence[tuple[Change, dict[str, Delay]]]
    calm: Sequence[tuple[Change, dict[str, Calm]]]
    edge: Sequence[tuple[Change, float]]
    """Share of the streams at the very edge of what is tolerated in which the sequential test ever called drift."""

    @property
    def broken(self) -> list[str]:
        """Name the promises that the figures refute: whose 95 % interval (Wilson) lies beyond them."""
        allowed, windows = SETTINGS.false_discovery_rate, self.sizes.still_windows
        promises = [(f"still windows of {f.rows:,} rows", f.rates["any test"], windows, allowed) for f in self.still]
        streams = self.sizes.edge_streams
        promises += [(f"sequential test at the edge, {c.kind} {c.size}", rate, streams, ALPHA) for c, rate in self.edge]
        return [what for what, rate, n, promised in promises if _low(rate, n) > promised]


def bench(say: Say, short: bool = False, target: Path | None = None) -> bool:
    """Simulate, and say the tables; the seeds are fixed, so that they are the same each time.

    Args:
        say: takes one line.
        short: a quick look; the figures are coarse.
        target: file to write them to as Markdown; None writes nothing.

    Returns:
        Whether every promise about false alarms was kept.
    """
    started = time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    measured = measure(SHORT if short else Sizes(), progress)
    text = markdown(measured)
    say("")
    say(text)
    if target is not None:
        with whole_file(target) as scratch:
            scratch.write_text(text, encoding="utf-8")
        say(f"written to {target}")
    broken = measured.broken
    say(f"{len(broken)} promises broken: {', '.join(broken)}" if broken else "every promise was kept")
    return not broken


def write(path: Path = PUBLISHED, say: Say = print) -> bool:
    """Simulate all and write the tables; returns whether every promise was kept."""
    return bench(say, target=path)


Job = tuple[Callable[..., Any], tuple[Any, ...]]


def measure(sizes: Sizes, say: Say) -> Measured:
    """Simulate all of it."""
    shifts = [(i, rows) for i in range(len(SHIFTS)) for rows in sizes.rows]
    jobs: list[Job] = [(_detected, (i, rows, sizes, SEED + i)) for i, rows in shifts]
    jobs += [(still, (rows, sizes.still_windows, SEED + 100)) for rows in sizes.rows]
    jobs += [(delays, (c, sizes.streams, SEED + 200 + i)) for i, c in enumerate(CHANGES)]
    calm = [c for c in STILL if c in CHANGES] or list(CHANGES)
    jobs += [(false_alarms, (c, sizes.still_streams, sizes.still_length, SEED + 300)) for c in calm]
    jobs += [(at_the_edge, (c, sizes.edge_streams, sizes.still_length, SEED + 400)) for c in calm]
    done = iter(_all_done(jobs, sizes.workers, say))
    found = [replace(next(done), shift=SHIFTS[i]) for i, _ in shifts]
    return Measured(
        sizes=sizes,
        found=found,
        still=[next(done) for _ in sizes.rows],
        delays=[(c, next(done)) for c in CHANGES],
        calm=[(c, next(done)) for c in calm],
        edge=[(c, next(done)) for c in calm],
    )


def _detected(number: int, rows: int, sizes: Sizes, seed: int) -> Found:
    shift = SHIFTS[number]
    windows = sizes.windows_together if shift.family == "together" else sizes.windows
    # What a shift is drawn by cannot be sent to another process, nor back; which one it was is known there.
    return replace(detected(shift, rows, windows, seed), shift=None)


def _all_done(jobs: Sequence[Job], workers: int, say: Say) -> list[Any]:
    """Do the jobs, on several cores; the seeds are theirs, so that it makes no difference on how many."""
    results: list[Any] = []
    with ExitStack() as stack:
        if workers == 1:
            coming: Iterator[Any] = (function(*arguments) for function, arguments in jobs)
        else:
            context = multiprocessing.get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=context))
            coming = (f.result() for f in [pool.submit(function, *arguments) for function, arguments in jobs])
        for result in coming:
            results.append(result)
            if len(results) % 10 == 0:
                say(f"{len(results)} of {len(jobs)} simulations")
    return results


def markdown(measured: Measured) -> str:
    """Write what was simulated as a page."""
    sizes = measured.sizes
    parts = [
        "# What drift is found, how soon, and how often there is none",
        "Simulated and written by `pipelines/benchmarks/detection.py` with fixed seeds: `make bench-detection`. "
        f"Shares are of {sizes.windows} windows or {sizes.streams} streams: a share of 50 % is sure to about "
        f"± {100 * 0.98 / sizes.windows**0.5:.0f} points (of {sizes.windows_together} windows and "
        f"± {100 * 0.98 / sizes.windows_together**0.5:.0f} points for tests of several columns together).",
        "## Batch tests",
        f"Share of windows in which a test was amber or red, in per cent, beside {REFERENCE_ROWS:,} rows of reference; "
        "thresholds are the defaults of `components/monitoring/drift/thresholds.py`. They are held to the size of a "
        "shift: amber begins at what a shift of the mean by about a third of a standard deviation makes of a test, "
        "so smaller shifts are meant to stay green however many rows show them.",
        *[_batch(measured, family) for family in TESTS if any(_of(measured, family))],
        "A change of the concept alone, of what becomes of rows whose inputs are as before, shows in no test of "
        "inputs: it takes labels, and the streams below.",
        "### False alarms",
        f"Share of {sizes.still_windows} reports of twelve columns on a world that stands still in which a test was "
        "amber or red for any of them, in per cent. "
        f"Promised is {100 * SETTINGS.false_discovery_rate:g} % for any test.",
        _still(measured),
        "## Online detectors",
        f"Median number of values from the change to the call, and the share of streams in which it came within "
        f"{AFTER:,} values; {BEFORE:,} values before the change. What `sequential` is held to is the mean before the "
        f"change, of which it tolerates a rise by {100 * TOLERATED:g} %; the others learn it from the stream. A "
        "detector that calls all the time finds everything soon: read this beside the false alarms.",
        _delays(measured),
        "### False alarms",
        f"Calls in 10,000 values of streams that stay as they are, and the share of {sizes.still_streams} streams of "
        f"{sizes.still_length:,} values with any. `sequential` promises {100 * ALPHA:g} % of streams however long they "
        "are, and that for a mean at the very edge of what is tolerated: there it called drift in "
        + ", ".join(f"{100 * rate:.1f} % ({_plain(c)})" for c, rate in measured.edge)
        + f" of {sizes.edge_streams} streams. DDM and EDDM promise nothing, and it shows.",
        _calm(measured),
    ]
    return "\n\n".join(parts) + "\n"


def _of(measured: Measured, family: Family) -> list[Found]:
    return [f for f in measured.found if f.shift is not None and f.shift.family == family]


def _batch(measured: Measured, family: Family) -> str:
    rows = [
        (f.shift.kind, f.shift.size, f"{f.rows:,}", *(_percent(f.rates[test]) for test in TESTS[family]))
        for f in _of(measured, family)
        if f.shift is not None
    ]
    return _table(("shift", "size", "rows", *TESTS[family]), rows)


def _still(measured: Measured) -> str:
    tests = list(measured.still[0].rates)
    rows = [(test, *(_percent(f.rates[test]) for f in measured.still)) for test in tests]
    return _table(("test", *(f"{f.rows:,} rows" for f in measured.still)), rows)


def _delays(measured: Measured) -> str:
    rows = []
    for change, each in measured.delays:
        cells = [_delay(each[name]) if name in each else "" for name in DETECTORS]
        rows.append((change.kind, change.size, *cells))
    return _table(("change", "size", *DETECTORS), rows)


def _calm(measured: Measured) -> str:
    rows = []
    for change, each in measured.calm:
        cells = [
            f"{each[name].per_10_000:.1f} ({_percent(each[name].streams)} %)" if name in each else ""
            for name in DETECTORS
        ]
        rows.append((_plain(change), *cells))
    return _table(("stream", *DETECTORS), rows)


def _delay(delay: Delay) -> str:
    share = f"({_percent(delay.found)} %)"
    return f"- {share}" if delay.values is None else f"{delay.values:,.0f} {share}"


def _plain(change: Change) -> str:
    return f"{'errors' if change.binary else 'losses'}, mean {100 * change.mean:g} %"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _low(rate: float, n: int) -> float:
    return float(stats.binomtest(round(rate * n), n).proportion_ci(method="wilson").low)
