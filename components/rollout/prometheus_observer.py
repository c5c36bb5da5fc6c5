"""Observing in a cluster: counters that Prometheus keeps, and the prediction log where it can be read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from components.core.errors import FairleadError
from components.rollout.analysis import analyse
from components.rollout.counted import Counted, Weights
from components.rollout.increments import Increments
from components.rollout.logged import Logged, labels_of
from components.rollout.measure import Seen, answered, failures, measure
from components.rollout.model_rollout import Model, Sources
from components.rollout.plan import Metric, Plan
from components.rollout.prometheus import Prometheus, selector
from components.rollout.samples import Evidence
from components.rollout.state import Observation, State
from components.rollout.traffic import VARIANTS, Plane, Variant
from components.serving.metrics import LATENCIES
from components.serving.watch import INFER, PREDICT

GRPC = "grpc ModelInfer"
"""Route under which servers count gRPC; their own module for it would bring the whole of KServe here."""

ROUTES = (INFER, PREDICT, GRPC)
"""Requests that ask a model for an answer."""

GRPC_FAILURES = ("2", "4", "13", "14", "15")
"""UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's failures; others are the client's."""

LAG_SECONDS = 5
"""Points of the last seconds may still be on their way."""


class PrometheusObserver:
    """Looks at a rollout: what both models' servers have counted since it began.

    What never reaches a server is in no server's counters: a candidate that is down is ill, see ``plane.healthy``.

    Args:
        plan: of the rollout.
        plane: says who can answer.
        since: when the rollout began.
        models: what tells the two apart.
        sources: where to look.
        weights: that were in force.
        clock: the present time, UTC.

    Raises:
        FairleadError: a threshold of latency is none of the servers' buckets, nothing tells the models apart, or
            assignment sticks to keys.
    """

    def __init__(
        self,
        plan: Plan,
        plane: Plane,
        since: datetime,
        models: Mapping[Variant, Model],
        sources: Sources,
        weights: Weights,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = plan
        self._plane = plane
        self._clock = clock
        self._start = -int(-since.timestamp() // 1)
        self._logged = Logged(plan, since, models, sources)
        labels = {v: labels_of(models[v]) for v in VARIANTS}
        if labels["stable"] == labels["candidate"]:
            raise FairleadError(f"both models have the labels {labels['stable']}; nothing tells their requests apart")
        if plan.sticky_header is not None:
            raise FairleadError(
                f"stickyHeader {plan.sticky_header}: counters do not know keys, and a key's second request is no draw; "
                "leave it out, then every request is drawn by itself"
            )
        prometheus = Prometheus(sources.prometheus)
        self._counters = {v: counters(prometheus, plan, labels[v], self._start, sources.step_seconds) for v in VARIANTS}
        self._counted = Counted(plan, self._start, sources, weights)

    def __call__(self, _: State) -> Observation:
        """Look once.

        Raises:
            FairleadError: Prometheus or the log cannot be read.
        """
        now = self._clock()
        end = int(now.timestamp()) - LAG_SECONDS
        for variant, found in self._counters.items():
            for name, counter in found.items():
                self._counted.add(variant, name, counter.read(end))
        mirrors = self._plan.strategy in ("shadow", "blue_green")
        seen = Seen(self._counted.requests(), *self._logged.read(), now)
        metrics, samples = measure(self._plan, seen)
        if not mirrors:
            samples |= self._counted.latency()
        if not mirrors and not self._logged.there:
            samples |= self._counted.outliers()
        evidence = analyse(metrics, samples, self._plan.alpha)
        return Observation(
            at=now,
            requests=answered(self._plan, seen) if mirrors else self._counted.answered(),
            failures=failures(self._plan, seen) if mirrors else self._counted.failures(),
            evidence={m.name: self._explained(m, evidence[m.name]) for m in self._plan.metrics},
            healthy=self._plane.healthy(),
        )

    def _explained(self, metric: Metric, found: Evidence) -> Evidence:
        """Say why there is no data, where that is known better than in general."""
        lacking = "" if found.has_data else self._logged.lacking(metric)
        return found.model_copy(update={"reason": lacking}) if lacking else found


def counters(
    prometheus: Prometheus, plan: Plan, labels: Mapping[str, str], start: int, step: int
) -> dict[str, Increments]:
    """Return the counters of one model that a plan needs, by what they count.

    Raises:
        FairleadError: a threshold of latency is none of the servers' buckets.
    """
    routes = "|".join(ROUTES).replace("{", "[{]").replace("}", "[}]")
    asked = selector(labels, route=routes)
    queries: dict[str, tuple[str, Callable[[Mapping[str, str]], str]]] = {
        "status": (f"fairlead_requests_total{asked}", outcome),
    }
    for metric in plan.metrics:
        if metric.name == "outlier_rate":
            queries["rows"] = (f"fairlead_rows_total{selector(labels)}", lambda _: "rows")
            queries["outliers"] = (f"fairlead_outliers_total{selector(labels)}", lambda _: "outliers")
        if metric.above_ms is not None:
            name = "fairlead_request_duration_seconds"
            bucket = selector({**labels, "le": bucket_of(metric.above_ms)}, route=routes)
            queries["fast"] = (f"{name}_bucket{bucket}", lambda _: "fast")
            queries["timed"] = (f"{name}_count{asked}", lambda _: "timed")
    return {name: Increments(prometheus, query, key, start, step) for name, (query, key) in queries.items()}


def outcome(labels: Mapping[str, str]) -> str:
    """Say whether requests with these labels were failed by the server.

    >>> outcome({"route": "/v2/models/{name}/infer", "status": "503"}), outcome({"route": GRPC, "status": "3"})
    ('failed', 'answered')
    """
    status = labels.get("status", "")
    failed = status in GRPC_FAILURES if labels.get("route") == GRPC else status.startswith("5")
    return "failed" if failed else "answered"


def bucket_of(above_ms: float) -> str:
    """Return a threshold of latency as the servers name the bucket below it.

    Raises:
        FairleadError: there is no such bucket; lists those there are.

    >>> bucket_of(50), bucket_of(1000)
    ('0.05', '1.0')
    """
    for bound in LATENCIES:
        if abs(bound * 1000 - above_ms) < 1e-6:
            return str(bound)
    allowed = ", ".join(f"{bound * 1000:g}" for bound in LATENCIES)
    raise FairleadError(f"latency: aboveMs is {above_ms:g}; servers count requests below these alone: {allowed} ms")
