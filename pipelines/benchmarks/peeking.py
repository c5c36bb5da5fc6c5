"""What looking after every 100 requests costs: false verdicts on alike models, and how soon harm is found."""

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from components.rollout.samples import BoolArray
from components.rollout.statistics.fixed_horizon import requests_needed, requests_needed_for_mean
from components.rollout.statistics.simulation import Draw
from pipelines.benchmarks.late import LATE, SMALL_LATE, LateSizes, bench_late
from pipelines.benchmarks.measure import Figure, Say, number, table
from pipelines.benchmarks.rollouts import ALPHA, EVERY, GUARDS, LOSS, LOSS_BOUND, Traffic, Verdicts, judge

SEED = 20_261
MISSES = 0.05
"""Share of harmful rollouts that may go on unfound to the end of the plan."""


@dataclass(frozen=True)
class Sizes:
    """How much is simulated."""

    alike: int = 2_000
    alike_requests: int = 10_000
    harmed: int = 400
    late: LateSizes = LATE


SMALL = Sizes(alike=60, alike_requests=2_000, harmed=20, late=SMALL_LATE)


@dataclass(frozen=True)
class Case:
    """A harm to be found, and the plan it has to be found within."""

    what: str
    metric: str
    traffic: Traffic
    needed: bool = False
    """Whether the project promises to find it; the others tell how the figures move."""


def worse(metric: str, stable: Draw, candidate: Draw, requests: int, **traffic: float) -> Traffic:
    """Make a candidate that is worse in one of the four guards and alike in the others."""
    return Traffic(requests, {**GUARDS, metric: stable}, {metric: candidate}, **traffic)


def loss(mean: float) -> Draw:
    """Describe a log loss by its mean."""
    return Draw(mean / LOSS_BOUND, LOSS.spread)


CASES = (
    Case("errors 1 -> 2 %", "error_rate", worse("error_rate", Draw(0.01), Draw(0.02), 30_000), needed=True),
    Case(
        "errors 1 -> 2 %, base drifting",
        "error_rate",
        worse("error_rate", Draw(0.01), Draw(0.02), 30_000, swing=1.0, growth=1.0),
        needed=True,
    ),
    Case("errors 0.5 -> 1 %", "error_rate", worse("error_rate", Draw(0.005), Draw(0.01), 60_000), needed=True),
    Case("errors 2 -> 4 %", "error_rate", worse("error_rate", Draw(0.02), Draw(0.04), 15_000), needed=True),
    Case("errors 1 -> 5 %", "error_rate", worse("error_rate", Draw(0.01), Draw(0.05), 10_000)),
    Case("slow requests 5 -> 10 %", "latency", worse("latency", Draw(0.05), Draw(0.10), 10_000)),
    Case("log loss 0.35 -> 0.40", "log_loss", worse("log_loss", LOSS, loss(0.40), 20_000)),
    Case(
        "the same, half of it known before",
        "log_loss",
        worse("log_loss", LOSS, loss(0.40), 20_000, known=0.5),
    ),
)


def bench(say: Say, sizes: Sizes | None = None) -> bool:
    """Simulate, and say the figures as three tables; the seeds are fixed, so that they are the same each time.

    Args:
        say: takes one line.
        sizes: how much to simulate; all of it unless told.

    Returns:
        Whether every promise was kept.
    """
    sizes, started = sizes or Sizes(), time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:4.0f} s  {line}")

    figures = _alike(sizes, progress)
    found, rows = [], []
    for seed, case in enumerate(CASES, start=SEED + 10):
        progress(f"{sizes.harmed} rollouts that do harm: {case.what}")
        figure, row = _harmful(case, sizes, seed)
        found.append(figure)
        rows.append(row)
    afterwards, late_rows = bench_late(progress, sizes.late, SEED + 100)
    figures += [*found, *afterwards]
    for part in (table(figures), *("\n".join(_columns(cells)) for cells in ([HEAD, *rows], late_rows))):
        say("")
        say(part)
    missed = [f.what.strip() for f in figures if f.missed]
    say(f"\n{len(missed)} promises broken: {', '.join(missed)}" if missed else "\nevery promise was kept")
    return not missed


HEAD = ("requests until found, both sides", "median", "mean", "fixed test, power 80 %", "95 %", "plan's maximum")


def _alike(sizes: Sizes, progress: Say) -> list[Figure]:
    runs, requests = sizes.alike, sizes.alike_requests
    steady = Traffic(requests, GUARDS, {})
    drifting = replace(steady, swing=1.0, growth=2.0)
    figures = []
    for seed, (name, traffic) in enumerate([("steady", steady), ("drifting", drifting)], start=SEED):
        progress(f"{runs:,} rollouts of alike models, {requests:,} requests each, {name}, a look after every {EVERY}")
        found = judge(traffic, runs, seed)
        ends = len(traffic.looks)
        either = (found.harm < ends) | (found.better < ends)
        figures += [
            _promise(f"false rollback or promotion, {name} traffic", either, ALPHA),
            _promise("  false rollback, four guards", found.harm < ends, ALPHA / 2),
            _promise("  false promotion", found.better < ends, ALPHA / 2),
            _beside("  z-test at 5 % at each look, error rate alone", found.naive),
            _beside("  the same, three rates, 5 % over their number", found.naive_guards),
        ]
    progress(f"{runs:,} rollouts of a candidate worse by just the margin")
    margin = 0.02 / LOSS_BOUND
    edge = Traffic(requests, {"log_loss": LOSS}, {"log_loss": replace(LOSS, mean=LOSS.mean + margin)}, swing=0.5)
    found = judge(edge, runs, SEED + 5, margin)
    return [*figures, _promise("promoted though worse by the margin", found.better < len(edge.looks), ALPHA / 2)]


def _promise(what: str, wrong: BoolArray, promised: float) -> Figure:
    return Figure(f"{what} {_interval(wrong)}", 100 * float(wrong.mean()), "%", "promised", 100 * promised, target=True)


def _beside(what: str, wrong: BoolArray) -> Figure:
    return Figure(f"{what} {_interval(wrong)}", 100 * float(wrong.mean()), "%", "its own promise", 100 * ALPHA)


def _interval(hits: BoolArray) -> str:
    """Write the 95 % interval of a share (Wilson)."""
    low, high = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def _harmful(case: Case, sizes: Sizes, seed: int) -> tuple[Figure, tuple[str, ...]]:
    found = judge(case.traffic, sizes.harmed, seed)
    looks = case.traffic.looks
    missed = found.harm >= len(looks)
    figure = Figure(
        f"not found, {case.what} {_interval(missed)}",
        100 * float(missed.mean()),
        "%",
        "promised" if case.needed else "",
        100 * MISSES if case.needed else None,
        target=case.needed,
    )
    return figure, (case.what, *_requests(case, found))


def _requests(case: Case, found: Verdicts) -> tuple[str, ...]:
    """Write how many requests it took beside what tests need that look once, at the level of one guard of four."""
    looks, share = case.traffic.looks, case.traffic.share
    needed = np.append(looks + 1, case.traffic.requests)[found.harm]
    stable, candidate = case.traffic.stable[case.metric], case.traffic.candidate[case.metric]
    fixed = []
    for power in (0.8, 0.95):
        level = ALPHA / len(case.traffic.stable)
        if stable.spread is None:
            # The mean over a drift that has no trend with the weight; with one it is a guide.
            ours, theirs = (float(np.mean(side.mean * case.traffic.level)) for side in (candidate, stable))
            fixed.append(requests_needed(share, theirs, ours, level, power))
        else:
            unknown = stable.spread * (1 - case.traffic.known) ** 0.5
            effect = float(candidate.mean) - float(stable.mean)
            fixed.append(requests_needed_for_mean(share, unknown, effect, level, power))
    figures = (float(np.median(needed)), float(needed.mean()), *(float(n or 0) for n in fixed), case.traffic.requests)
    return tuple(number(round(figure)) for figure in figures)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
