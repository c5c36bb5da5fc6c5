"""Who watches: what the doors tell the metrics, the prediction log and the traces, each of which may be absent."""

import re
from collections.abc import Callable
from http import HTTPStatus

from kserve.metrics import PREDICT_HIST_TIME, get_labels

from components.core.errors import ContractViolation
from components.serving.exchange import Withheld
from components.serving.metrics import Metrics
from components.serving.prediction_log import PredictionLog
from components.serving.scored import ScoredBatch
from components.serving.tracing import UNTRACED, Trace, Tracing, handed_on

INFER, PREDICT = "/v2/models/{name}/infer", "/v1/models/{name}:predict"
OTHER = "other"

ROUTES = frozenset(
    {
        "/",
        "/metrics",
        "/v1/models",
        "/v1/models/{name}",
        PREDICT,
        "/v1/models/{name}:explain",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        INFER,
        "/v2/models/{name}/explain",
    }
)
"""Routes by which requests are counted; a version in the path makes no other route, all that is not here is ``OTHER``.
"""

_NAMED = re.compile(r"^(/v[12]/models/)[^/:]+(?:/versions/[^/]+)?")


class Watch:
    """Everything that is told of what a server does; tells nobody anything by default.

    Args:
        model: name under which it is served.
        metrics: counts and times.
        log: keeps scored rows.
        tracing: joins requests to their callers' traces.
    """

    def __init__(
        self,
        model: str = "",
        metrics: Metrics | None = None,
        log: PredictionLog | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        # The SDK's own metric too: dashboards that were made for KServe go on working.
        self._took = PREDICT_HIST_TIME.labels(**get_labels(model)) if model else None
        self._metrics, self._log, self._tracing = metrics, log, tracing

    def scored(self, batch: ScoredBatch) -> None:
        """Tell of rows that were scored."""
        if self._metrics is not None:
            self._metrics.scored(batch)
        if self._log is not None:
            self._log.put(batch)

    def answered(self, route: str, status: int, seconds: float, rows: int = 0) -> None:
        """Tell of a request that was answered.

        Args:
            route: one of ``ROUTES``, or ``OTHER``.
            status: HTTP status.
            seconds: from its arrival to its answer.
            rows: how many were scored.
        """
        if self._metrics is not None:
            self._metrics.answered(route, status, seconds, rows)
        if self._took is not None and rows and status < HTTPStatus.BAD_REQUEST:
            self._took.observe(seconds)

    def refused(self, error: Exception) -> None:
        """Tell of a request that was refused; its breaches of the contract are counted by field, its odd rows by what
        was done with them."""
        if self._metrics is None:
            return
        if isinstance(error, ContractViolation):
            for field, reason in error.breaches:
                self._metrics.violation(field, reason)
        elif isinstance(error, Withheld):
            for remedy, when in error.odd:
                self._metrics.odd(remedy, when)

    def in_flight(self, count: Callable[[], int]) -> None:
        """Show how many requests are under way; asked for whenever somebody looks."""
        if self._metrics is not None:
            self._metrics.in_flight.set_function(count)

    @property
    def traces(self) -> bool:
        """Whether requests may be traced."""
        return self._tracing is not None

    def begin(self, route: str, parent: str | bytes | None, state: str | bytes | None) -> Trace:
        """Start the trace of a request.

        Args:
            route: as with ``answered``.
            parent: its ``traceparent`` header.
            state: its ``tracestate`` header.
        """
        if self._tracing is None:
            return UNTRACED if parent is None else handed_on(_text(parent), _text(state))
        return self._tracing.begin("POST", route, _text(parent), _text(state))

    def close(self) -> None:
        """Write and send what waits."""
        if self._log is not None:
            self._log.close()
        if self._tracing is not None:
            self._tracing.close()


def route_of(path: str) -> str:
    """Return the route that a path is counted under.

    >>> route_of("/v2/models/loans/versions/3/infer"), route_of("/v1/models/loans:predict"), route_of("/wp-admin")
    ('/v2/models/{name}/infer', '/v1/models/{name}:predict', 'other')
    """
    route = _NAMED.sub(r"\1{name}", path)
    return route if route in ROUTES else OTHER


def _text(header: str | bytes | None) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header or ""
