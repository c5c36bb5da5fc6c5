"""Traces: one span for each sampled request, joined to the caller's trace and handed on to whatever is called."""

import logging
import random
import re
import threading
import time
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.core.errors import FairleadError

if TYPE_CHECKING:  # a server that traces nothing has no need of it
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
"""Headers of W3C Trace Context."""

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
QUIET = 30.0
"""Seconds in which a collector that cannot be reached is logged once."""


class Trace:
    """A request's place in a trace that nobody records: only handed on."""

    __slots__ = ("state", "traceparent")

    def __init__(self, traceparent: str = "", state: str = "") -> None:
        self.traceparent = traceparent
        """For the response's header of this name; empty when the request is in no trace."""
        self.state = state

    def inject(self, headers: MutableMapping[str, str]) -> None:
        """Add the headers by which a server that is called joins the trace."""
        if self.traceparent:
            headers[TRACEPARENT] = self.traceparent
            if self.state:
                headers[TRACESTATE] = self.state

    def end(self, status: int, rows: int = 0) -> None:
        """Say how the request ended.

        Args:
            status: HTTP status of the answer.
            rows: how many were scored.
        """


UNTRACED = Trace()
"""The trace of a request that is in none."""


def handed_on(traceparent: str, state: str = "") -> Trace:
    """Return the trace that a request came with, as it is; ``UNTRACED`` when its header is none of the standard."""
    return UNTRACED if parsed(traceparent) is None else Trace(traceparent, state)


def parsed(traceparent: str) -> re.Match[str] | None:
    """Read a ``traceparent`` header; None when it is none of the standard, which then counts as if it had not come."""
    found = _PARENT.fullmatch(traceparent)
    return None if found is None or (found[1] == "00" and found[5]) else found


class _Recorded(Trace):
    """A request's span in a trace that is recorded."""

    __slots__ = ("_span",)

    def __init__(self, span: "Span", state: str) -> None:
        context = span.get_span_context()
        super().__init__(f"00-{context.trace_id:032x}-{context.span_id:016x}-01", state)
        self._span = span

    def end(self, status: int, rows: int = 0) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attribute("http.response.status_code", status)
        self._span.set_attribute("fairlead.rows", rows)
        if status >= 500:  # a client's error is no failure of the server
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Tracing:
    """Starts the traces of requests.

    A request that comes with a trace is recorded when its caller records; of the others a share is. What is not
    recorded costs about a microsecond.

    Args:
        endpoint: URL of an OpenTelemetry collector over HTTP; without a path ``/v1/traces`` is added. Empty traces
            nothing and imports nothing.
        model: name under which the model is served.
        version: its version.
        variant: what it is served as.
        ratio: share of the requests without a trace that is recorded.
        headers: sent with each export; None takes them from ``OTEL_EXPORTER_OTLP_HEADERS``.

    Raises:
        FairleadError: the endpoint is no HTTP URL, or the ratio is not from 0 to 1.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        version: str,
        variant: str,
        *,
        ratio: float = 0.01,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._who = {"fairlead.model": model, "fairlead.version": version, "fairlead.variant": variant}
        self._exporter: OTLPSpanExporter | None = None
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if not 0 <= ratio <= 1:
            raise FairleadError(f"share of traced requests: found {ratio}, allowed: 0 to 1")
        self._ratio = ratio
        if endpoint:
            self._exporter = _exporter(_full(endpoint), headers)
            self._provider = _provider(self._exporter, model, version)
            self._tracer = self._provider.get_tracer("fairlead.serving")
            for name, seldom in _SELDOM.items():
                logging.getLogger(name).addFilter(seldom)  # once, however often it is added

    def begin(self, method: str, route: str, traceparent: str = "", tracestate: str = "") -> Trace:
        """Start a request's trace.

        Args:
            method: of the request.
            route: the template of its path, never the path itself.
            traceparent: header of the request, if it came with one.
            tracestate: likewise.
        """
        if self._tracer is None:
            return UNTRACED
        if not traceparent:
            if random.random() >= self._ratio:  # noqa: S311  a sample, not a secret
                return UNTRACED
            return self._recorded(self._tracer, method, route)
        found = parsed(traceparent)
        if found is None:
            return self.begin(method, route)
        if not int(found[4], 16) & 1:
            return Trace(traceparent, tracestate)
        return self._recorded(self._tracer, method, route, (int(found[2], 16), int(found[3], 16)), tracestate)

    def close(self, deadline: float = 5.0) -> None:
        """Send what is recorded, for at most ``deadline`` seconds; what is left then is lost."""
        if self._provider is None or self._exporter is None:
            return
        # In a thread, because the library waits as long as its exporter tries.
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(deadline)
        if sending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
        self._provider = self._tracer = None

    def _recorded(
        self, tracer: "Tracer", method: str, route: str, parent: tuple[int, int] | None = None, state: str = ""
    ) -> Trace:
        from opentelemetry import trace
        from opentelemetry.context import Context

        context = Context()
        if parent is not None:
            flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
            remote = trace.SpanContext(*parent, is_remote=True, trace_flags=flags)
            context = trace.set_span_in_context(trace.NonRecordingSpan(remote), context)
        attributes = {"http.request.method": method, "http.route": route, **self._who}
        span = tracer.start_span(f"{method} {route}", context, trace.SpanKind.SERVER, attributes)
        return _Recorded(span, state)


def _full(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise FairleadError(f"traces: found {endpoint!r}, allowed: http://HOST:PORT or https://…, or nothing")
    return endpoint if parts.path.strip("/") else endpoint.rstrip("/") + "/v1/traces"


def _exporter(endpoint: str, headers: Mapping[str, str] | None) -> "OTLPSpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint, headers=dict(headers) if headers is not None else None, timeout=5)


def _provider(exporter: "OTLPSpanExporter", model: str, version: str) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    resource = Resource.create({"service.name": model, "service.version": version})
    # Whether to record is decided before a span is begun.
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class _Seldom(logging.Filter):
    """Lets one message through in a while: a collector that is down fails with every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Let the next message through."""
        self._last = -QUIET

    def filter(self, _: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._last < QUIET:
            return False
        self._last = now
        return True


_SELDOM = {
    name: _Seldom()
    for name in ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
}
