"""Staged changes of a stream: how soon each online detector finds them, and how often it calls drift for nothing."""

from dataclasses import dataclass, replace

import numpy as np

from components.core.contracts import FloatArray
from components.monitoring.detectors.catalogue import DETECTORS, entry, make
from components.monitoring.detectors.detector import Baseline

BEFORE, AFTER = 2_000, 5_000
"""Values before the change, and those within which it is to be found."""

TOLERATED = 0.1
"""Rise of the mean that the sequential test is told to tolerate, as a share of it."""

Rng = np.random.Generator


@dataclass(frozen=True)
class Change:
    """One change of one size.

    Args:
        kind: what changes.
        size: how much, for the table.
        mean: of the values before.
        times: what the mean is multiplied by.
        over: values over which it changes evenly; 0 for at once.
        binary: whether values are 0 and 1, as errors are; else they are losses within 0 and 1.
    """

    kind: str
    size: str
    mean: float
    times: float
    over: int = 0
    binary: bool = True

    def draw(self, rng: Rng, before: int, after: int) -> FloatArray:
        """Draw a stream that changes after so many values."""
        ramp = np.minimum(np.arange(1, after + 1) / max(1, self.over), 1.0)
        mean = self.mean * np.append(np.ones(before), 1 + (self.times - 1) * ramp)
        if self.binary:
            return (rng.random(before + after) < mean).astype(np.float64)
        # Log losses are like this: most are small, a few are large.
        return rng.beta(0.5 * mean / (1 - mean), 0.5)


CHANGES = (
    *(Change("errors, sudden", f"10 % x {k:g}", 0.1, k) for k in (1.25, 1.5, 2.0, 3.0)),
    Change("errors, sudden", "2 % x 2", 0.02, 2.0),
    Change("errors, gradual over 2,000", "10 % x 2", 0.1, 2.0, 2_000),
    Change("loss, sudden", "x 1.5", 0.1, 1.5, binary=False),
    Change("loss, sudden", "x 2", 0.1, 2.0, binary=False),
    Change("loss, gradual over 2,000", "x 2", 0.1, 2.0, 2_000, binary=False),
)


@dataclass(frozen=True)
class Delay:
    """What a detector made of a change.

    Args:
        found: share of the streams in which it called drift within ``AFTER`` values of the change.
        values: median number of values from the change until then, of the streams in which it did; None of none.
    """

    found: float
    values: float | None


@dataclass(frozen=True)
class Calm:
    """What a detector made of streams without a change.

    Args:
        streams: share of the streams in which it ever called drift.
        per_10_000: calls in 10,000 values.
    """

    streams: float
    per_10_000: float


def detectors_for(change: Change) -> tuple[str, ...]:
    """Name the detectors that can make sense of such a stream."""
    return tuple(name for name in DETECTORS if change.binary or entry(name).wants != "zero_or_one")


def delays(change: Change, streams: int, seed: int) -> dict[str, Delay]:
    """Stage a change in a number of streams; return what each detector made of it."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[int]] = {name: [] for name in detectors_for(change)}
    for _ in range(streams):
        values = change.draw(rng, BEFORE, AFTER)
        for name, after in found.items():
            calls = run(name, change.mean, values)
            after += [call - BEFORE + 1 for call in calls if call >= BEFORE][:1]
    return {name: Delay(len(n) / streams, float(np.median(n)) if n else None) for name, n in found.items()}


def false_alarms(change: Change, streams: int, length: int, seed: int) -> dict[str, Calm]:
    """Run the detectors over streams that stay as they are before the change."""
    rng = np.random.default_rng(seed)
    calls: dict[str, list[int]] = {name: [] for name in detectors_for(change)}
    for _ in range(streams):
        values = change.draw(rng, length, 0)
        for name, numbers in calls.items():
            numbers.append(len(run(name, change.mean, values)))
    return {
        name: Calm(float(np.mean([n > 0 for n in numbers])), 10_000 * float(np.mean(numbers)) / length)
        for name, numbers in calls.items()
    }


def run(name: str, mean: float, values: FloatArray) -> list[int]:
    """Return where a detector, told of the mean before the change, calls drift; only a rise counts."""
    return make(name, Baseline(mean, TOLERATED * mean), "up").run(values)


def at_the_edge(change: Change, streams: int, length: int, seed: int) -> float:
    """Share of streams in which ``sequential`` ever calls drift though their mean is just what it tolerates."""
    rng = np.random.default_rng(seed)
    edge = replace(change, mean=(1 + TOLERATED) * change.mean)
    calls = [bool(run("sequential", change.mean, edge.draw(rng, length, 0))) for _ in range(streams)]
    return float(np.mean(calls))
