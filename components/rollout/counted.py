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
        there = all(any(self._of(v, "outliers")) for v in VARIANTS)
        return self._sample("outlier_rate", lambda v, i: (self._at(v, "rows", i), self._at(v, "outliers", i)), there)

    def latency(self) -> dict[str, Sample]:
        """Return the sample of requests that were slower than the plan's threshold; none where none were timed."""

        def counts(v: Variant, i: int) -> tuple[int, int]:
            return self._at(v, "timed", i), self._at(v, "timed", i) - self._at(v, "fast", i)

        return self._sample("latency", counts, any(any(self._of(v, "timed")) for v in VARIANTS))

    def _sample(self, name: str, counts: Callable[[Variant, int], tuple[int, int]], there: bool) -> dict[str, Sample]:
        """Make the sample of a metric from how many there were and how many of them count, by variant and interval."""
        if not there:
            return {}
        changes, parts = self._changes(), []
        for i in range(self._done):
            marks = {v: _marked(*counts(v, i)) for v in VARIANTS}
            side = np.concatenate([np.full(len(mark), v == "candidate") for v, mark in marks.items()])
            order = self._order(i, len(side), salt=len(name))
            value = np.concatenate(list(marks.values()))[order]
            parts.append((side[order], self._share(i, side[order], changes), value))
        if not sum(len(side) for side, _, _ in parts):
            return {}
        return {name: TwoArm(*(np.concatenate(column) for column in zip(*parts, strict=True)))}

    def _of(self, variant: Variant, counter: str) -> list[Mapping[str, int]]:
        return self._sums.get((variant, counter), [])

    def _at(self, variant: Variant, counter: str, i: int, key: str = "") -> int:
        sums = self._of(variant, counter)
        return sums[i].get(key or counter, 0) if i < len(sums) else 0

    def _interval(self, i: int, changes: tuple[list[float], list[int]]) -> pl.DataFrame:
        """Make the rows of one interval."""
        side, failed = [], []
        for v in VARIANTS:
            broken = self._at(v, "status", i, "failed")
            failed.append(_marked(broken + self._at(v, "status", i, "answered"), broken))
            side.append(np.full(len(failed[-1]), v == "candidate"))
        order = self._order(i, sum(len(part) for part in side))
        candidate, broke = np.concatenate(side)[order], np.concatenate(failed)[order]
        end = self._start + (i + 1) * self._sources.step_seconds
        at = np.linspace(end - self._sources.step_seconds, end, len(order), endpoint=False)
        frame = pl.DataFrame(
            {
                "at": (at * 1e6).astype(np.int64),
                "request_id": [None] * len(order),  # a counter knows none
                "candidate": candidate.astype(bool),
                "share": self._share(i, candidate, changes),
                "failed": broke > 0,
                "latency_ms": [None] * len(order),  # see latency()
                "broken": broke > 0,
                "gone": False,
                "rescued": False,
                "mirror": None,
                "settled": True,  # the order of an interval is drawn, and intervals end seconds ago
            },
            schema={**REQUESTS, "at": pl.Int64()},
        )
        time = pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return frame.with_columns(at=time)

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
    """Return n zeros, the first k of them ones; two counters of one scrape may be a request apart."""
    marked = np.zeros(n)
    marked[: max(0, min(k, n))] = 1.0
    return marked
