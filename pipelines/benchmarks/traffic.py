"""What a rollout costs those who send requests: real model servers behind a real Envoy, with every answer counted."""

import os
import re
import shutil
import signal
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.config import Settings
from components.core.errors import FairleadError
from components.rollout import access_log
from components.rollout.planes.machine import MachinePlane
from components.rollout.traffic import Traffic, Variant
from components.training.bundle import Bundle
from pipelines.benchmarks.load import Load, post
from pipelines.benchmarks.measure import Figure, Say, table
from pipelines.benchmarks.serving import wrk
from pipelines.benchmarks.serving.subject import subject
from pipelines.benchmarks.serving.workload import workload

PERCENT_FAILED = 0.1
"""Target: of the requests, when a candidate with half of them is killed."""

COPIES_SECONDS = 10.0
"""Time that the last copies get to arrive; nobody waits for their answers."""


@dataclass(frozen=True)
class Sizes:
    """How much is sent."""

    draws: int = 10_000
    """Requests to measure a weight with."""
    between: int = 1_000
    """Requests between two changes of weights."""
    killed: int = 10_000
    """Requests after the candidate was killed."""
    mirrored: int = 5_000
    rollbacks: int = 10
    seconds: int = 4
    """Of each look at the proxy's own cost."""
    clients: int = 16


SHORT = Sizes(draws=2_000, between=200, killed=2_000, mirrored=1_000, rollbacks=3, seconds=1)


@dataclass(frozen=True)
class Ground:
    """What all measurements stand on.

    Args:
        plane: with a stable model and a candidate, both ready.
        path: to post to.
        bodies: of requests, sent in turn.
        sizes: how much is sent.
        wrk: the program.
        candidate: URI of the candidate's bundle.
    """

    plane: MachinePlane
    path: str
    bodies: tuple[bytes, ...]
    sizes: Sizes
    wrk: Path
    candidate: str

    def load(self, limit: int | None = None) -> Load:
        """Make clients for the proxy."""
        requests = [post(self.path, body, content_type="application/json") for body in self.bodies]
        return Load(self.plane.proxy.port, lambda n: requests[n % len(requests)], self.sizes.clients, limit)


def bench_traffic(settings: Settings, sizes: Sizes, bundle: str, say: Say) -> bool:
    """Measure everything and say it as one table; returns whether every target was kept.

    Args:
        settings: where a registered model is; without one that this code serves, one is trained and kept.
        sizes: how much is sent.
        bundle: URI of the model; empty takes the champion.
        say: takes one line.
    """
    started = time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    figures: list[Figure] = []
    with ground(settings, sizes, bundle, progress) as made:
        for what, measure in MEASUREMENTS.items():
            progress(what)
            figures += measure(made)
    say("")
    say(table(figures))
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} targets missed: {', '.join(missed)}" if missed else "\nevery target was kept")
    return not missed


@contextmanager
def ground(settings: Settings, sizes: Sizes, bundle: str, say: Say) -> Iterator[Ground]:
    """Start a proxy, a stable model and a candidate, which is a copy of it."""
    found = subject(settings, bundle, settings.home / "bench", say)
    with tempfile.TemporaryDirectory(prefix="fairlead-traffic-") as folder:
        candidate = shutil.copytree(found.path, Path(folder) / "candidate")
        own = settings.model_copy(update={"verify_key": found.verify_key})
        plane = MachinePlane(Path(folder) / "machine", own)
        say("starting a proxy and two model servers")
        try:
            plane.open(str(found.path))
            plane.admit(str(candidate))
            _until(lambda: all(plane.healthy().values()), "both servers are healthy")
            opened = Bundle.open(found.path)
            bodies = tuple(call.body for call in workload(opened, "v2").single)
            path = f"/v2/models/{opened.contract.model}/infer"
            made = Ground(plane, path, bodies, sizes, wrk.find(settings.home), str(candidate))
            with made.load(200) as warm:
                pass
            if warm.failed:
                raise FairleadError(f"{len(warm.failed)} of the first 200 requests failed; logs in {plane.folder}")
            yield made
        finally:
            plane.close()


def cost(ground: Ground) -> list[Figure]:
    """Measure what the way through the proxy costs, beside the same server without it."""
    ground.plane.apply(Traffic())
    stable = ground.plane.supervisor.ports()["stable"]
    straight, through = (
        wrk.load(ground.wrk, f"http://127.0.0.1:{port}{ground.path}", ground.bodies, 1, ground.sizes.seconds, 0)
        for port in (stable, ground.plane.proxy.port)
    )
    busy = wrk.load(ground.wrk, f"{ground.plane.url}{ground.path}", ground.bodies, 16, ground.sizes.seconds, 0)
    return [
        Figure("request through the proxy, 1 client, p50", through.p50_ms, "ms", "without it", straight.p50_ms),
        Figure("requests through the proxy, 16 clients, p99", busy.p99_ms, "ms"),
        Figure("  failed", busy.failed, f"of {busy.requests:,}", "target", 0, target=True),
    ]


def weights(ground: Ground) -> list[Figure]:
    """Measure how far shares are from the weights."""
    figures = []
    for weight in (1, 5, 50):
        ground.plane.apply(Traffic(candidate=weight))
        with ground.load(ground.sizes.draws) as load:
            pass
        n = len(load.answers)
        share = sum(a.variant == "candidate" for a in load.answers) / n
        chance = 500 * (weight / 100 * (1 - weight / 100) / n) ** 0.5
        off = abs(100 * share - weight)
        what = f"weight {weight} %: share of {n:,} requests is off by"
        figures.append(Figure(what, off, "points", "five standard deviations", chance, target=True))
    return figures


def changes(ground: Ground) -> list[Figure]:
    """Change weights twelve times under load, and count what fails."""
    took = []
    with ground.load() as load:
        for weight in (1, 5, 10, 25, 50, 75, 100, 60, 30, 10, 2, 0):
            started = time.perf_counter()
            ground.plane.apply(Traffic(candidate=weight))
            took.append(time.perf_counter() - started)
            _pass(load, ground.sizes.between)
    return [
        Figure("12 re-weightings: requests failed", len(load.failed), f"of {len(load.answers):,}", "target", 0, True),
        Figure("  slowest change until in force", 1000 * max(took), "ms"),
    ]


def killed(ground: Ground) -> list[Figure]:
    """Kill the candidate while it has half of the requests."""
    plane = ground.plane
    plane.apply(Traffic(candidate=50))
    name = plane.supervisor.servers("candidate")[-1].name
    with ground.load() as load:
        _pass(load, ground.sizes.between)
        pid, position = plane.supervisor.state(name)["pid"], access_log.read(plane.access_log)[1]
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        _pass(load, ground.sizes.killed)
        plane.supervisor.start("candidate", ground.candidate)
        _until(lambda: all(plane.healthy().values()), "the candidate is back")
        back = time.monotonic() - at
    after = [a for a in load.answers if a.ended >= at]
    failed = sum(not 0 < a.status < 500 for a in after)
    time.sleep(0.3)  # the log is written every 0.1 s
    rescued = sum(r.failed and not r.seen_to_fail for r in access_log.read(plane.access_log, position)[0])
    what = f"candidate killed at 50 %: failed of {len(after):,}"
    return [
        Figure(what, 100 * failed / len(after), "%", "target", PERCENT_FAILED, target=True),
        Figure("  answered by stable in its place", rescued, "requests"),
        Figure("  candidate restarted and healthy after", back, "s"),
    ]


def mirrored(ground: Ground) -> list[Figure]:
    """Count what a shadow sees."""
    figures = []
    for traffic in (Traffic(mirror="candidate"), Traffic(candidate=100, mirror="stable")):
        assert traffic.mirror is not None
        ground.plane.apply(traffic)
        before = _answered(ground.plane, traffic.mirror)
        with ground.load(ground.sizes.mirrored) as load:
            pass
        sent = len(load.answers)
        end = time.monotonic() + COPIES_SECONDS
        while (seen := _answered(ground.plane, traffic.mirror) - before) < sent and time.monotonic() < end:
            time.sleep(0.05)
        what = f"copies that {traffic.mirror} as the shadow missed"
        figures.append(Figure(what, abs(sent - seen), f"of {sent:,}", "target", 0, target=True))
    return figures


def rollbacks(ground: Ground) -> list[Figure]:
    """Take all requests back from a candidate that has half of them, again and again."""
    last_sent, last_ended, failed, sent = [], [], 0, 0
    for _ in range(ground.sizes.rollbacks):
        ground.plane.apply(Traffic(candidate=50))
        with ground.load() as load:
            _pass(load, ground.sizes.between // 2)
            verdict = time.monotonic()
            ground.plane.apply(Traffic())
            _pass(load, ground.sizes.between // 2)
        theirs = [a for a in load.answers if a.variant == "candidate"]
        last_sent.append(max(a.sent for a in theirs) - verdict)
        last_ended.append(max(a.ended for a in theirs) - verdict)
        failed, sent = failed + len(load.failed), sent + len(load.answers)
    worst = f"slowest of {ground.sizes.rollbacks}"
    return [
        Figure(f"rollback: verdict to the candidate's last answer, {worst}", max(last_ended), "s", "target", 1.0, True),
        Figure(f"  to the last request that it was given, {worst}", max(0.0, *last_sent), "s"),
        Figure("  failed", failed, f"of {sent:,}", "target", 0, target=True),
    ]


def promotion(ground: Ground) -> list[Figure]:
    """Make the candidate the stable model under load; its server is started anew as the stable one."""
    ground.plane.apply(Traffic(candidate=50))
    with ground.load() as load:
        _pass(load, ground.sizes.between)
        started = time.monotonic()
        ground.plane.finish("candidate")
        seconds = time.monotonic() - started
        _pass(load, ground.sizes.between)
    bundles = [server.bundle for server in ground.plane.supervisor.servers()]
    if bundles != [ground.candidate]:
        raise FairleadError(f"after the promotion {bundles} are served, not {ground.candidate} alone")
    return [
        Figure("promotion: failed", len(load.failed), f"of {len(load.answers):,}", "target", 0, target=True),
        Figure("  until the old servers have ended", seconds, "s"),
    ]


MEASUREMENTS: dict[str, Callable[[Ground], list[Figure]]] = {
    "what the proxy costs": cost,
    "weights": weights,
    "12 re-weightings": changes,
    "the candidate is killed": killed,
    "copies": mirrored,
    "rollbacks": rollbacks,
    "promotion": promotion,
}


def _pass(load: Load, requests: int) -> None:
    """Let so many requests be answered."""
    until = len(load.answers) + requests
    end = time.monotonic() + 120
    while len(load.answers) < until:
        if time.monotonic() > end:
            raise FairleadError(f"{requests} requests were not answered within 120 s")
        time.sleep(0.002)


def _until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 90
    while not done():
        if time.monotonic() > end:
            raise FairleadError(f"waited 90 s in vain until {what}")
        time.sleep(0.01)


def _answered(plane: MachinePlane, variant: Variant) -> int:
    """Return how many inferences a server has answered, by its own count."""
    url = f"http://127.0.0.1:{plane.supervisor.ports()[variant]}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    return sum(int(float(n)) for n in re.findall(r"^fairlead_requests_total\{.*infer.*\} (\S+)$", text, re.MULTILINE))
