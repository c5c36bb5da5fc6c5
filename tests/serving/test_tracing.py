import logging
import socket
import subprocess
import sys
import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from components.core.errors import FairleadError
from components.serving import tracing as module
from components.serving.tracing import UNTRACED, Tracing
from tests.serving.receiver import receiving

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
ROUTE = "/v2/models/{name}/infer"


@pytest.fixture
def collector():
    with receiving() as received:
        yield received


def _tracing(url, **given):
    return Tracing(url, "loans", "3", "canary", **given)


def _spans(collector):
    """What came in: pairs of a resource's attributes and a span."""
    found = []
    for path, headers, body in collector.requests:
        assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _values(part.resource.attributes)
            found += [(resource, span) for scope in part.scope_spans for span in scope.spans]
    return found


def _values(attributes):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def test_a_sampled_request_becomes_a_span_of_its_callers_trace(collector):
    tracing = _tracing(collector.url)
    trace = tracing.begin("POST", ROUTE, SAMPLED)
    trace.end(200, rows=3)
    tracing.close()
    ((resource, span),) = _spans(collector)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert trace.traceparent == f"00-{TRACE}-{span.span_id.hex()}-01"
    assert (span.name, span.kind) == (f"POST {ROUTE}", span.SPAN_KIND_SERVER)
    assert _values(span.attributes) == {
        "http.request.method": "POST",
        "http.route": ROUTE,
        "http.response.status_code": 200,
        "fairlead.model": "loans",
        "fairlead.version": "3",
        "fairlead.variant": "canary",
        "fairlead.rows": 3,
    }
    assert {"service.name": "loans", "service.version": "3"}.items() <= resource.items()
    assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
    assert span.status.code == span.status.STATUS_CODE_UNSET


@pytest.mark.parametrize(("status", "failed"), [(200, False), (400, False), (500, True), (503, True)])
def test_only_a_servers_error_fails_the_span(collector, status, failed):
    tracing = _tracing(collector.url)
    tracing.begin("POST", ROUTE, SAMPLED).end(status)
    tracing.close()
    ((_, span),) = _spans(collector)
    assert (span.status.code == span.status.STATUS_CODE_ERROR) is failed
    assert _values(span.attributes).get("error.type") == (str(status) if failed else None)


def test_what_is_called_joins_the_trace():
    tracing = _tracing("http://127.0.0.1:9")
    headers = {"accept": "application/json"}
    trace = tracing.begin("POST", ROUTE, SAMPLED, "vendor=1")
    trace.inject(headers)
    assert headers == {"accept": "application/json", "traceparent": trace.traceparent, "tracestate": "vendor=1"}
    assert trace.traceparent.startswith(f"00-{TRACE}-")
    assert PARENT not in trace.traceparent
    tracing.close(0)


def test_an_unsampled_trace_is_handed_on_and_not_recorded(collector):
    tracing = _tracing(collector.url, ratio=1.0)
    trace = tracing.begin("POST", ROUTE, UNSAMPLED, "vendor=1")
    headers: dict[str, str] = {}
    trace.inject(headers)
    trace.end(200)
    tracing.close()
    assert headers == {"traceparent": UNSAMPLED, "tracestate": "vendor=1"}
    assert trace.traceparent == UNSAMPLED
    assert _spans(collector) == []


@pytest.mark.parametrize(("ratio", "low", "high"), [(0.0, 0, 0), (0.25, 150, 350), (1.0, 1000, 1000)])
def test_of_requests_without_a_trace_a_share_begins_one(collector, ratio, low, high):
    tracing = _tracing(collector.url, ratio=ratio)
    traces = [tracing.begin("POST", ROUTE) for _ in range(1000)]
    begun = [t.traceparent for t in traces if t is not UNTRACED]
    assert low <= len(begun) <= high
    assert len({t.split("-")[1] for t in begun}) == len(begun)
    for trace in traces:
        trace.end(200)
    tracing.close()
    assert len(_spans(collector)) == len(begun)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-more",
        f"{SAMPLED}\n",
        f" {SAMPLED}",
    ],
)
def test_a_header_that_is_none_is_as_if_it_had_not_come(header):
    tracing = _tracing("http://127.0.0.1:9", ratio=0.0)
    assert tracing.begin("POST", ROUTE, header, "vendor=1") is UNTRACED
    tracing.close(0)


@pytest.mark.parametrize(
    ("header", "recorded"),
    [
        (f"00-{TRACE}-{PARENT}-03", True),
        (f"00-{TRACE}-{PARENT}-fe", False),
        (f"cc-{TRACE}-{PARENT}-01-what.will.be", True),
    ],
)
def test_the_flag_alone_decides_in_this_and_in_later_versions(header, recorded):
    tracing = _tracing("http://127.0.0.1:9", ratio=0.0)
    trace = tracing.begin("POST", ROUTE, header)
    assert (trace.traceparent != header) is recorded
    assert TRACE in trace.traceparent
    tracing.close(0)


def test_headers_are_sent_along(collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-from=environment")
    for given in (None, {"x-from": "caller"}):
        tracing = _tracing(f"{collector.url}/", headers=given)
        tracing.begin("POST", ROUTE, SAMPLED).end(200)
        tracing.close()
    assert [headers["x-from"] for _, headers, _ in collector.requests] == ["environment", "caller"]


def test_a_collector_that_is_down_harms_no_request_and_is_logged_once(caplog):
    for seldom in module._SELDOM.values():
        seldom.forget()
    with socket.socket() as nobody, caplog.at_level(logging.WARNING):
        nobody.bind(("127.0.0.1", 0))
        tracing = _tracing(f"http://127.0.0.1:{nobody.getsockname()[1]}", ratio=1.0)
        for _ in range(5000):  # more than are kept
            tracing.begin("POST", ROUTE).end(200)
        start = time.monotonic()
        tracing.close(0.2)
        assert time.monotonic() - start < 3
    assert 1 <= len(caplog.records) <= 2
    assert tracing.begin("POST", ROUTE, SAMPLED) is UNTRACED


def test_a_collector_that_never_answers_does_not_hold_up_the_end():
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        tracing = _tracing(f"http://127.0.0.1:{hole.getsockname()[1]}", ratio=1.0)
        tracing.begin("POST", ROUTE).end(200)
        start = time.monotonic()
        tracing.close(0.2)
        assert time.monotonic() - start < 3


def test_without_an_endpoint_nothing_is_traced_and_nothing_imported():
    program = (
        "import sys; from components.serving.tracing import Tracing, UNTRACED\n"
        "tracing = Tracing('', 'm', '1', 'stable', ratio=1.0)\n"
        f"trace = tracing.begin('POST', '/', {SAMPLED!r}); headers = {{}}; trace.inject(headers); trace.end(200)\n"
        "tracing.close()\n"
        "assert trace is UNTRACED and headers == {}\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_not_recorded_costs_about_a_microsecond():
    tracing = _tracing("http://127.0.0.1:9", ratio=0.0)
    for header in ("", UNSAMPLED):
        start = time.thread_time()
        for _ in range(10_000):
            tracing.begin("POST", ROUTE, header).end(200, 1)
        assert (time.thread_time() - start) / 10_000 < 10e-6  # 0.2 and 0.8 on a quiet machine
    tracing.close(0)


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://", "/v1/traces"])
def test_an_endpoint_that_is_none_is_refused(endpoint):
    with pytest.raises(FairleadError, match=r"traces: found .*, allowed: http://HOST:PORT"):
        _tracing(endpoint)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(ratio):
    with pytest.raises(FairleadError, match=r"share of traced requests: found .*, allowed: 0 to 1"):
        _tracing("", ratio=ratio)
