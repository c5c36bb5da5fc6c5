"""Servers' real metrics, scraped into a real Prometheus where there is one, or into one that answers as it does."""

import json
import re
import shutil
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from components.core.errors import FairleadError
from components.rollout.model_rollout import Model, Sources
from components.rollout.plan import Metric
from components.rollout.prometheus_observer import GRPC, PrometheusObserver, bucket_of
from components.serving.metrics import Metrics
from components.serving.process import free_port
from components.serving.watch import INFER
from tests.rollout.looks import WELL, plan, starting

METRICS = (
    Metric(name="error_rate", margin=0.05),
    Metric(name="latency", above_ms=50, margin=0.05),
    Metric(name="brier", margin=0.05),
)
MODELS = {"stable": Model(model="models:/sba_loans/1"), "candidate": Model(model="models:/sba_loans/2")}


class Plane:
    def healthy(self):
        return WELL


class Servers:
    """Both models' servers, as their metrics tell of them."""

    def __init__(self):
        self.registries = {version: CollectorRegistry() for version in "12"}
        self._metrics = {v: Metrics("sba_loans", v, "stable", (), r) for v, r in self.registries.items()}

    def answer(self, version, n, status=200, seconds=0.01, route=INFER):
        for _ in range(n):
            self._metrics[version].answered(route, status, seconds, 1)

    def text(self):
        """All of both, as one target; metrics of a family stand together there."""
        seen = [generate_latest(r).decode() for r in self.registries.values()]
        lines = [line for text in seen for line in text.splitlines() if not line.startswith("#")]
        return "\n".join(sorted(lines)) + "\n"


class Scripted:
    """Answers range queries from what it has scraped, at the times it was told to."""

    def __init__(self, servers):
        self._servers = servers
        self.scraped = {}

    def scrape(self, at):
        samples = []
        for registry in self._servers.registries.values():
            for family in text_string_to_metric_families(generate_latest(registry).decode()):
                samples += [(s.name, s.labels, s.value) for s in family.samples]
        self.scraped[at] = samples

    def answer(self, query, start, end, step):
        name, _, labels = query.partition("{")
        tests = re.findall(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"', labels)
        found = {}
        for at in range(start, end + 1, step):
            for sample, its, value in self.scraped.get(at, []):
                fits = all(
                    re.fullmatch(json.loads(f'"{v}"'), its.get(k, "")) if op == "=~" else its.get(k) == v
                    for k, op, v in tests
                )
                if sample == name and fits:
                    found.setdefault(tuple(sorted(its.items())), []).append([at, str(value)])
        result = [{"metric": {"__name__": name, **dict(key)}, "values": values} for key, values in found.items()]
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def scripted():
    servers = Servers()
    source = Scripted(servers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            times = (int(asked[name]) for name in ("start", "end", "step"))
            text = json.dumps(source.answer(asked["query"], *times)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
        thread.start()
        yield servers, source, f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def observer(url, since, clock, metrics=METRICS, weight=20, **changes):
    sources = Sources(prometheus=url, step_seconds=1, scrape_seconds=1, settle_seconds=0)
    weights = [(since - timedelta(seconds=10), weight)]
    return PrometheusObserver(
        plan(metrics=metrics, maximum_hours=0.1, **changes), Plane(), since, MODELS, sources, lambda: weights, clock
    )


def test_both_sides_are_counted_and_compared(scripted):
    servers, source, url = scripted
    since = datetime(2026, 3, 1, 9, tzinfo=UTC)
    begin = int(since.timestamp())
    servers.answer("1", 500, 503)
    for second in range(41):
        source.scrape(begin + second)
        servers.answer("1", 40, 200)
        servers.answer("2", 7, 200)
        servers.answer("2", 2, 500, 0.2)
        servers.answer("2", 1, 13, route=GRPC)
        servers.answer("1", 5, 500, route="/metrics")
    look = observer(url, since, lambda: since + timedelta(seconds=45))
    seen = look(starting(plan()))
    assert seen.requests == {"stable": 1600, "candidate": 400}, "nothing from before, nothing that asks no model"
    assert seen.failures == 120
    found = seen.evidence["error_rate"]
    assert (found.mean_stable, found.mean_candidate) == (0.0, 0.3)
    assert found.e_harm > 1e6
    assert seen.evidence["latency"].mean_candidate == pytest.approx(0.2)
    assert "spec.metrics.log names none" in seen.evidence["brier"].reason
    assert seen.healthy == WELL
    assert look(starting(plan())) == seen


def test_without_requests_there_is_no_data(scripted):
    _, _, url = scripted
    since = datetime(2026, 3, 1, 9, tzinfo=UTC)
    seen = observer(url, since, lambda: since + timedelta(minutes=1))(starting(plan()))
    assert seen.requests == {}
    assert not any(found.has_data for found in seen.evidence.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": (METRICS[0], Metric(name="latency", above_ms=60))}, "aboveMs is 60; .* 50, 75,"),
        ({"sticky_header": "x-user"}, "counters do not know keys"),
    ],
)
def test_what_counters_cannot_say_is_refused_before_the_start(changes, words):
    with pytest.raises(FairleadError, match=words):
        observer("http://p", datetime.now(UTC), lambda: datetime.now(UTC), **changes)


def test_models_that_nothing_tells_apart_are_refused():
    same = {v: Model(model="gs://a", labels={"model": "a"}) for v in MODELS}
    with pytest.raises(FairleadError, match="nothing tells their requests apart"):
        PrometheusObserver(plan(), Plane(), datetime.now(UTC), same, Sources(prometheus="http://p"), lambda: [])


def test_the_route_of_grpc_is_the_servers():
    from components.serving.rpc import ROUTE

    assert GRPC == ROUTE


def test_every_bucket_is_named_as_the_servers_name_it():
    servers = Servers()
    servers.answer("1", 1)
    bounds = set(re.findall(r'le="([^"]+)"', servers.text().replace("fairlead_score", "score")))
    assert {bucket_of(ms) for ms in (1, 7.5, 50, 1000, 2500)} <= bounds


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not on the PATH: apt-get install prometheus")
def test_a_real_prometheus_gives_the_same(tmp_path):
    servers, port = Servers(), free_port()
    servers.answer("1", 50)  # from before
    servers.answer("2", 1)

    class Target(BaseHTTPRequestHandler):
        def do_GET(self):
            text = servers.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Target) as made:
        thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
        thread.start()
        target = {"targets": [f"127.0.0.1:{made.server_port}"]}
        config = {"scrape_configs": [{"job_name": "s", "scrape_interval": "1s", "static_configs": [target]}]}
        (tmp_path / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        options = {"config.file": tmp_path / "prometheus.yml", "storage.tsdb.path": tmp_path / "data"}
        options["web.listen-address"] = f"127.0.0.1:{port}"
        command = [str(shutil.which("prometheus")), *(f"--{k}={v}" for k, v in options.items())]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            begin = _scraped(url, time.monotonic() + 30)
            since = datetime.now(UTC) + timedelta(seconds=1.5)
            while datetime.now(UTC) < since + timedelta(seconds=1.5):
                time.sleep(0.05)
            servers.answer("1", 400)
            servers.answer("2", 90)
            servers.answer("2", 10, 500, 0.2)
            look, end = observer(url, since, lambda: datetime.now(UTC)), time.monotonic() + 30
            seen = look(starting(plan()))
            while sum(seen.requests.values()) < 500 and time.monotonic() < end:
                seen = look(starting(plan()))
                time.sleep(0.2)
            assert begin
            assert (seen.requests, seen.failures) == ({"stable": 400, "candidate": 100}, 10)
            assert seen.evidence["latency"].mean_candidate == pytest.approx(0.1)
        finally:
            running.terminate()
            running.wait(20)
            made.shutdown()
            thread.join()


def _scraped(url, deadline):
    """Wait until there is a first point."""
    from components.rollout.prometheus import Prometheus

    while time.monotonic() < deadline:
        try:
            now = int(time.time())
            if Prometheus(url).range("fairlead_requests_total", now, now, 1):
                return True
        except FairleadError:
            pass
        time.sleep(0.1)
    return False
