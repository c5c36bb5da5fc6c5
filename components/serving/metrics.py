"""Prometheus metrics of one served model: what it answered, how fast, what it scored and what became of its log."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from components.serving.score_metrics import ScoreMetrics
from components.serving.scored import ScoredBatch

if TYPE_CHECKING:
    from components.serving.prediction_log import PredictionLog

WHO = ("model", "version", "variant")
"""Labels of every metric."""
LATENCIES = (
    *(0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.035, 0.05, 0.075, 0.1),
    *(0.15, 0.25, 0.5, 1.0, 2.5, 5.0),
)
"""Upper bounds of the latency buckets, in seconds; closest where answers are expected."""
DISTINCT = 50
"""Most values of a label that a caller chooses; later ones are counted as ``OTHER``."""
OTHER = "other"
Family = TypeVar("Family", Counter, Histogram)


class Metrics:
    """The metrics of one served model, under ``fairlead_…``.

    Args:
        model: name under which the model is served.
        version: its version.
        variant: what it is served as: ``stable``, ``canary``, ``shadow`` …
        fields: names of the contract's inputs; violations of anything else are counted under ``OTHER``.
        registry: where the metrics are shown; the default is the one behind KServe's ``/metrics``. It takes one
            ``Metrics``.
    """

    def __init__(
        self,
        model: str,
        version: str,
        variant: str,
        fields: Sequence[str] = (),
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._who = (model, version, variant)
        self._fields = frozenset(fields)
        self._requests = _Labelled(
            Counter("fairlead_requests", "Requests answered.", (*WHO, "route", "status"), registry=registry), self._who
        )
        seconds = Histogram(
            "fairlead_request_duration_seconds",
            "Time from a request's arrival to its answer.",
            (*WHO, "route", "status"),
            buckets=LATENCIES,
            registry=registry,
        )
        self._seconds = _Labelled(seconds, self._who)
        self._rows = Counter("fairlead_rows", "Rows of answered requests.", WHO, registry=registry).labels(*self._who)
        self.in_flight = Gauge("fairlead_requests_in_flight", "Requests under way.", WHO, registry=registry).labels(
            *self._who
        )
        """Requests under way: ``inc()`` at arrival and ``dec()`` after the answer, or ``set_function`` once."""
        violations = Counter(
            "fairlead_contract_violations",
            "Values refused at the door, by input and reason.",
            (*WHO, "field", "reason"),
            registry=registry,
        )
        self._violations = _Labelled(violations, self._who)
        odd = Counter(
            "fairlead_odd_rows",
            "Rows that rules found odd, by what was done with them and the oddity that decided.",
            (*WHO, "remedy", "when"),
            registry=registry,
        )
        self._odd = _Labelled(odd, self._who)
        self._scored = ScoreMetrics(WHO, self._who)
        registry.register(self._scored)
        self._registry = registry

    def answered(self, route: str, status: int, seconds: float, rows: int = 0) -> None:
        """Count an answered request.

        Args:
            route: the template of its path, never the path itself.
            status: HTTP status, or gRPC's.
            seconds: from arrival to answer.
            rows: how many were scored.
        """
        key = (route, str(status))
        self._requests[key].inc()
        self._seconds[key].observe(seconds)
        if rows:
            self._rows.inc(rows)

    def scored(self, batch: ScoredBatch) -> None:
        """Count the scores, outliers, lookups and remedies of a batch."""
        self._scored.add(batch)
        for note in batch.remedies or ():
            if note is not None:
                self.odd(note.remedy, note.when)

    def violation(self, field: str, reason: str) -> None:
        """Count a value that was refused.

        Args:
            field: name of the input.
            reason: one of a few words: ``missing``, ``datatype``, ``domain`` …
        """
        self._violations[field if field in self._fields else OTHER, reason].inc()

    def odd(self, remedy: str, when: str) -> None:
        """Count a row that a rule, or none, found odd.

        Args:
            remedy: what was done with it.
            when: the oddity that decided.
        """
        self._odd[remedy, when].inc()

    def watch(self, log: "PredictionLog") -> None:
        """Show what becomes of the rows of a prediction log; for one log."""
        self._registry.register(_Logged(self._who, log))


class _Labelled(dict[tuple[str, str], Family], Generic[Family]):
    """A metric's children by the values of its last two labels; finding one by name each time would cost more."""

    def __init__(self, family: Family, who: Sequence[str]) -> None:
        super().__init__()
        self._family: Family = family
        self._who = who

    def __missing__(self, key: tuple[str, str]) -> Family:
        distinct = len(self) < DISTINCT
        child: Family = self._family.labels(*self._who, *(key if distinct else (OTHER, OTHER)))
        if distinct:
            self[key] = child
        return child


class _Logged:
    """Shows a prediction log's counts at each scrape; nothing is counted twice."""

    def __init__(self, who: Sequence[str], log: "PredictionLog") -> None:
        self._who = who
        self._log = log

    def collect(self) -> Iterator[Metric]:
        labels = (*WHO, "sink")
        rows = CounterMetricFamily("fairlead_log_rows", "Rows of the log, by their end.", labels=(*labels, "result"))
        waiting = GaugeMetricFamily("fairlead_log_waiting_rows", "Rows that wait to be logged.", labels=labels)
        errors = CounterMetricFamily("fairlead_log_errors", "Failed attempts to write to the log.", labels=labels)
        for sink, counts in self._log.counts().items():
            for result in ("written", "dropped", "failed", "left_out"):
                rows.add_metric((*self._who, sink, result), getattr(counts, result))
            waiting.add_metric((*self._who, sink), counts.waiting)
            errors.add_metric((*self._who, sink), counts.errors)
        yield from (rows, waiting, errors)
