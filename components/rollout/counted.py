"""From counters to requests: what both models' servers counted, as the rows that the statistics take."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import FloatArray
from components.rollout.measure import REQUESTS
from components.rollout.model_rollout import Sources
from components.rollout.plan import Plan
from components.rollout.samples import Sample, TwoArm
from components.rollout.traffic import VARIANTS, Variant

MOST_ROWS = 1_000_000
"""Rows that the statistics get, about: of busier rollouts each interval gives a part, drawn by chance."""

FEWEST_ROWS = 20
"""That an interval may give in any case."""

Weights = Callable[[], Sequence[tuple[datetime, int]]]
"""Tells since when which percentage is for the candidate, oldest first."""


class Counted:
    """What was counted, interval by interval.

    Counters say how many of an interval's requests failed or were slow, not which. Within an interval they are put in
    an order by chance, the same at every look: where all are drawn alike, one order is as good as another. Requests of
    an interval in which weights changed count, but prove nothing: their share is written as 0 or 1.

    Args:
        plan: of the rollout.
        start: when the first interval begins, in seconds since 1970 (UTC).
        sources: say how long an interval is, and how long a change takes.
        weights: that were in force.
    """

    def __init__(self, plan: Plan, start: int, sources: Sources, weights: Weights) -> None:
        self._start = start
        self._sources = sources
        self._weights = weights
        self._above_ms = next((m.above_ms for m in plan.metrics if m.above_ms is not None), 0.0)
        self._sums: dict[tuple[Variant, str], list[Mapping[str, int]]] = defaultdict(list)
        self._frame = pl.DataFrame(schema=REQUESTS)
        self._done = 0
        intervals = plan.maximum_hours * 3600 / sources.step_seconds
        self._most = max(FEWEST_ROWS, int(MOST_ROWS / intervals))

    def add(self, variant: Variant, counter: str, sums: Sequence[Mapping[str, int]]) -> None:
        """Add what a counter of one variant gained in the intervals that follow."""
        self._sums[variant, counter] += sums

    def requests(self) -> pl.DataFrame:
        """Return the columns of ``measure.REQUESTS`` of all intervals that every counter has."""
        ready = min((len(sums) for sums in self._sums.values()), default=0)
        changes = self._changes() if ready > self._done else ([], [])
        frames = [self._interval(i, changes) for i in range(self._done, ready)]
        self._done = ready
        self._frame = pl.concat([self._frame, *frames])
        return self._frame

    def answered(self) -> dict[Variant, int]:
        """Count all requests of each variant; one without any is left out."""
        counts = {v: sum(sum(s.values()) for s in self._of(v, "status")) for v in VARIANTS}
        return {v: n for v, n in counts.items() if n}

    def failures(self) -> int:
        """Count all requests that the candidate has failed."""
        return sum(s.get("failed", 0) for s in self._of("candidate", "status"))

    def outliers(self) -> dict[str, Sample]:
        """Return the sample of rows that were flagged; none where not both models have a detector."""
        if not all(any(self._of(v, "outliers")) for v in VARIANTS):
            return {}
        changes, parts = self._changes(), []
        for i in range(self._done):
            counts = {v: (self._at(v, "rows", i, "rows"), self._at(v, "outliers", i, "outliers")) for v in VARIANTS}
            value = np.concatenate([_marked(n, min(k, n)) for n, k in counts.values()])
            side = np.concatenate([np.full(n, v == "candidate") for v, (n, _) in counts.items()])
            order = self._order(i, len(side), salt=1)
            parts.append((side[order], self._share(i, side[order], changes), value[order]))
        if not parts or not sum(len(side) for side, _, _ in parts):
            return {}
        return {"outlier_rate": TwoArm(*(np.concatenate(column) for column in zip(*parts, strict=True)))}

    def _of(self, variant: Variant, counter: str) -> list[Mapping[str, int]]:
        return self._sums.get((variant, counter), [])

    def _at(self, variant: Variant, counter: str, i: int, key: str) -> int:
        sums = self._of(variant, counter)
        return sums[i].get(key, 0) if i < len(sums) else 0

    def _interval(self, i: int, changes: tuple[list[float], list[int]]) -> pl.DataFrame:
        """Make the rows of one interval."""
        side, failed, latency = [], [], []
        for v in VARIANTS:
            broken = self._at(v, "status", i, "failed")
            n = broken + self._at(v, "status", i, "answered")
            timed = min(self._at(v, "timed", i, "timed"), n)
            slow = max(0, timed - self._at(v, "fast", i, "fast"))
            side.append(np.full(n, v == "candidate"))
            failed.append(_marked(n, broken))
            mixed = np.random.default_rng([self._start, i, n]).permutation(_marked(timed, slow))
            latency.append(np.concatenate([2 * self._above_ms * mixed, np.full(n - timed, np.nan)]))
        columns = [np.concatenate(column) for column in (side, failed, latency)]
        order = self._order(i, len(columns[0]))
        candidate, broke, took = (column[order] for column in columns)
        end = self._start + (i + 1) * self._sources.step_seconds
        at = np.linspace(end - self._sources.step_seconds, end, len(order), endpoint=False)
        frame = pl.DataFrame(
            {
                "at": (at * 1e6).astype(np.int64),
                "candidate": candidate.astype(bool),
                "share": self._share(i, candidate, changes),
                "failed": broke > 0,
                "latency_ms": took,
            },
            schema={**REQUESTS, "at": pl.Int64()},
        )
        time = pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return frame.with_columns(at=time, latency_ms=pl.col("latency_ms").fill_nan(None))

    def _order(self, i: int, n: int, salt: int = 0) -> npt.NDArray[np.int64]:
        """Draw the order of an interval's rows, and which of them there are, from nothing but their number."""
        return np.random.default_rng([self._start, i, n, salt]).permutation(n)[: self._most]

    def _share(self, i: int, candidate: FloatArray, changes: tuple[list[float], list[int]]) -> FloatArray:
        """Return the probability by which each row was drawn; 0 or 1 where that is not known."""
        times, weights = changes
        end = self._start + (i + 1) * self._sources.step_seconds
        # A server's counter as Prometheus knows it is as old as its last scrape.
        begin = end - self._sources.step_seconds - self._sources.scrape_seconds
        place = bisect_right(times, end)
        if place == 0 or times[place - 1] > begin - self._sources.settle_seconds:
            return candidate.astype(float)
        return np.full(len(candidate), weights[place - 1] / 100)

    def _changes(self) -> tuple[list[float], list[int]]:
        found = self._weights()
        return [at.astimezone(UTC).timestamp() for at, _ in found], [weight for _, weight in found]


def _marked(n: int, k: int) -> FloatArray:
    """Return n zeros, the first k of them ones."""
    marked = np.zeros(n)
    marked[:k] = 1.0
    return marked
