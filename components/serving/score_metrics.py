"""Metrics of what was scored: the distribution of scores, outliers, and what became of online lookups."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from components.serving.scored import ScoredBatch

BOUNDS = (*(i / 20 for i in range(1, 20)), 1.0)
"""Upper bounds of the score buckets, included."""
FEW = 16
"""Up to so many scores are sorted into buckets one by one: then faster than array operations."""
DISTINCT = 1000
"""Most different texts about lookups that are told apart."""


class ScoreMetrics:
    """A Prometheus collector that takes whole batches; the library's own histogram takes one value at a time.

    Args:
        labels: names of the labels of every metric.
        values: their values.
    """

    def __init__(self, labels: Sequence[str], values: Sequence[str]) -> None:
        self._labels, self._values = tuple(labels), tuple(values)
        self._lock = Lock()
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._outliers: int | None = None
        self._lookups: Counter[str] = Counter()

    def add(self, batch: ScoredBatch) -> None:
        """Count a batch."""
        scores = batch.probability
        few = len(scores) <= FEW
        values = scores.tolist() if few else []
        with self._lock:
            if few:
                for value in values:
                    self._counts[bisect_left(BOUNDS, value)] += 1
                    self._sum += value
            else:
                found = np.bincount(np.searchsorted(BOUNDS, scores), minlength=len(self._counts))
                self._counts = [a + b for a, b in zip(self._counts, found.tolist(), strict=True)]
                self._sum += float(scores.sum())
            if batch.outlier is not None:
                self._outliers = (self._outliers or 0) + int(np.count_nonzero(batch.outlier))
            for text in batch.lookups or ():
                if text in self._lookups or len(self._lookups) < DISTINCT:
                    self._lookups[text] += 1

    def collect(self) -> Iterator[Metric]:
        """Show the counts so far; no outliers without a detector."""
        with self._lock:
            counts, total, outliers, lookups = list(self._counts), self._sum, self._outliers, dict(self._lookups)
        scores = HistogramMetricFamily("fairlead_score", "Scores, by value.", labels=self._labels)
        below = np.cumsum(counts).tolist()
        bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
        scores.add_metric(self._values, list(zip(bounds, map(float, below), strict=True)), total)
        yield scores
        if outliers is not None:
            yield self._counter("fairlead_outliers", "Rows that the detector finds odd.", {(): outliers})
        if lookups:
            found: Counter[tuple[str, ...]] = Counter()
            for text, n in lookups.items():
                for part in text.split():
                    entity, _, result = part.partition("=")
                    found[entity, result] += n
            yield self._counter("fairlead_lookups", "Online lookups of rows.", found, "entity", "result")

    def _counter(self, name: str, text: str, counts: dict[tuple[str, ...], int], *labels: str) -> Metric:
        family = CounterMetricFamily(name, text, labels=(*self._labels, *labels))
        for values, n in counts.items():
            family.add_metric((*self._values, *values), n)
        return family
