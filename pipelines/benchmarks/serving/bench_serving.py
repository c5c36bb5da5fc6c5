"""Our server beside its peers: one interleaved run, its verdicts, and what the gain is made of."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from components.core.artifacts import write_whole
from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from pipelines.benchmarks import online
from pipelines.benchmarks.measure import Say
from pipelines.benchmarks.serving import gains, wrk
from pipelines.benchmarks.serving import serving_table as tables
from pipelines.benchmarks.serving.contest import EIGHT, KINDS, MANY, Contest, contest
from pipelines.benchmarks.serving.open_loop import Held, hold
from pipelines.benchmarks.serving.peers import OURS, PEERS, STOCK, Peer
from pipelines.benchmarks.serving.pinned import Cores
from pipelines.benchmarks.serving.subject import Subject, subject


@dataclass(frozen=True)
class Plan:
    """How long everything takes.

    Args:
        rounds: times that every server has its turn.
        seconds: of each load.
        half_seconds: at half of saturation.
        held_seconds: at ``held_rate``.
        held_rate: requests a second.
        lookups: requests with and without an online lookup, for each number of features.
    """

    rounds: int = 4
    seconds: float = 2
    half_seconds: float = 20
    held_seconds: float = 60
    held_rate: float = 1000
    lookups: int = online.REQUESTS


SHORT = Plan(rounds=1, seconds=1, half_seconds=5, held_seconds=10, lookups=200)


@dataclass
class Results:
    """Everything that was found."""

    subject: Subject
    contest: Contest
    half: Held | None = None
    half_of_stock: Held | None = None
    held: Held | None = None


def bench_serving(settings: Settings, plan: Plan, uri: str, only: Sequence[str], say: Say) -> Path:
    """Measure, say the verdicts, and keep the figures.

    Args:
        settings: home, registry and key.
        plan: how long.
        uri: the bundle; empty takes the registered champion.
        only: names of peers; empty takes all.
        say: takes one line.

    Returns:
        The file with all figures.
    """
    started, peers = time.monotonic(), chosen(only)

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    folder = settings.home / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    tool = wrk.find(settings.home)
    found = subject(settings, uri, folder, progress)
    cores = Cores.choose()
    progress(f"model {found.origin}; {cores}; one process a server, the load from {tool.name}")
    keys = settings.model_copy(update={"verify_key": found.verify_key})
    with contest(peers, found.path, keys, cores, tool, progress) as ring:
        results = Results(found, ring)
        _rounds(ring, plan, progress)
        _open_loops(results, plan, progress)
    verdicts, target = _verdicts(results, plan), folder / "serving.json"
    _keep(target, results, plan, verdicts)  # at once: what is measured is not lost to what comes after
    verdicts += _online(found, plan, progress)
    _keep(target, results, plan, verdicts)
    _tell(results, verdicts, say)
    say(f"\nall figures of every round: {target}")
    return target


def chosen(only: Sequence[str]) -> list[Peer]:
    """Pick peers by name; no name picks all.

    Raises:
        FairleadError: there is no such peer.
    """
    names = [peer.name for peer in PEERS]
    for name in only:
        if name not in names:
            raise unknown("server", name, names)
    return [peer for peer in PEERS if not only or peer.name in only]


def _rounds(ring: Contest, plan: Plan, progress: Say) -> None:
    for number in range(plan.rounds):
        heads = "".join(f"{k.name:>20}" for k in KINDS)
        progress(f"round {number + 1} of {plan.rounds}, requests/s:{heads}")
        ring.round(plan.seconds, progress)


def _open_loops(results: Results, plan: Plan, progress: Say) -> None:
    """Put a fixed rate on our server, and on the stock one beside it; what was asked for is what is due."""
    ring = results.contest
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {ring.cores.client})
    try:
        for name in (OURS, STOCK):
            if name not in ring.present:
                continue
            one = ring.present[name]
            bodies = [call.body for call in one.work.single]
            half = tables.rate(one, MANY).middle / 2
            seconds = plan.half_seconds if name == OURS else min(5.0, plan.half_seconds)
            progress(f"{one.peer.title}: {half:,.0f} requests/s, half of its saturation, for {seconds:g} s")
            with ring.turn(one):
                found = hold(one.url, bodies, MANY.clients, half, seconds)
                if name == STOCK:
                    results.half_of_stock = found
                    continue
                results.half = found
                progress(f"{one.peer.title}: {plan.held_rate:,.0f} requests/s for {plan.held_seconds:g} s")
                results.held = hold(one.url, bodies, MANY.clients, plan.held_rate, plan.held_seconds)
    finally:
        os.sched_setaffinity(0, before)


def _verdicts(results: Results, plan: Plan) -> list[tables.Verdict]:
    ring, stock = results.contest, results.half_of_stock
    half = f" ({results.half.rate:,.0f}/s)" if results.half else ""
    beside = f"stock at half of its own: {stock.p99_ms:.3g} ms" if stock else ""
    return [
        *tables.throughput(ring.present, ring.absent),
        tables.latency(f"32 clients at half of saturation{half}", results.half, "p99", tables.HALF_P99_MS, beside),
        tables.latency(
            f"{plan.held_rate:,.0f} requests/s for {plan.held_seconds:g} s", results.held, "p95", tables.HELD_P95_MS
        ),
    ]


def _online(found: Subject, plan: Plan, progress: Say) -> list[tables.Verdict]:
    """Measure what the lookup of online features adds to a request."""
    try:
        figures = online.measure(found.path, progress, plan.lookups)
    except (FairleadError, AssertionError, OSError, HTTPException) as error:
        # A lookup that was refused or broke off is told with its reason; it is no pass, and no end of the run.
        progress(f"online features were not measured: {error}")
        limit = f"p95 ≤ {online.LIMIT_MS:g} ms"
        return [
            tables.Verdict(
                "online lookup adds", "", "", (str(error).splitlines() or [repr(error)])[0][:100], limit, None
            )
        ]
    for beside in (f for f in figures if not f.target):
        progress(f"{beside.what.strip()}: {beside.value:.3g} {beside.unit}")
    return [tables.figure(f) for f in figures if f.target]


def _tell(results: Results, verdicts: Sequence[tables.Verdict], say: Say) -> None:
    ring = results.contest
    say("")
    say(tables.servers(ring.present, KINDS))
    for name, reason in ring.absent.items():
        say(f"{name}: {tables.brief(reason)}")
    say("")
    say(tables.table(verdicts))
    for line in (*tables.beside(ring.present), *_logs(ring)):
        say(line)
    say("\nwhat the gain over the stock server is made of (medians):")
    for kind in (EIGHT, MANY):
        rates = {name: tables.rate(c, kind).middle for name, c in ring.present.items()}
        spent = {name: tables.cpu(c, kind) for name, c in ring.present.items()}
        for line in gains.told(kind.name, rates, spent):
            say(line)
    say(
        "every server ran the same transform, model and calibration on the same rows, and had answered rightly before; "
        "ours alone\nchecked each value against the contract, counted and logged it. Ratios are medians over the "
        "rounds, with (least-most)."
    )
    missed = sum(v.met is False for v in verdicts)
    unknown = sum(v.met is None for v in verdicts)
    say(f"{len(verdicts) - missed - unknown} targets kept, {missed} missed, {unknown} not measured")


def _logs(ring: Contest) -> list[str]:
    """Say what our prediction log wrote and lost under each load."""
    lines = []
    for kind in KINDS if OURS in ring.present else ():
        rounds = ring.present[OURS].rounds[kind.name]
        results = sorted({result for m in rounds for result in m.logged})
        counts = ", ".join(f"{sum(m.logged.get(r, 0) for m in rounds):,} {r}" for r in results)
        later = sum(m.after_seconds for m in rounds) / sum(m.cpu_seconds for m in rounds)
        lines.append(f"prediction log, {kind.name}: rows {counts or 'unknown'}; {later:.0%} of the work after the load")
    return lines


def _keep(target: Path, results: Results, plan: Plan, verdicts: Sequence[tables.Verdict]) -> None:
    write_whole(target, (json.dumps(_json(results, plan, verdicts), indent=1) + "\n").encode())


def _json(results: Results, plan: Plan, verdicts: Sequence[tables.Verdict]) -> dict[str, Any]:
    ring = results.contest
    return {
        "model": results.subject.origin,
        "machine": {"processor": platform.machine(), "python": platform.python_version(), **asdict(ring.cores)},
        "plan": asdict(plan),
        "servers": {
            name: {
                "title": c.peer.title,
                "largest_difference": c.difference,
                "tensors": c.work.tensors,
                "rounds": {
                    kind: [asdict(m) | {"per_second": m.per_second, "cpu_ms": m.cpu_ms} for m in r]
                    for kind, r in c.rounds.items()
                },
            }
            for name, c in ring.present.items()
        },
        "absent": ring.absent,
        "half_of_saturation": asdict(results.half) if results.half else None,
        "stock_at_half_of_its_saturation": asdict(results.half_of_stock) if results.half_of_stock else None,
        "held": asdict(results.held) if results.held else None,
        "verdicts": [asdict(v) for v in verdicts],
    }
