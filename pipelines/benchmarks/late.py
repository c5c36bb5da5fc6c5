"""Harm that begins late: how many requests it takes from then on, beside bets that never begin anew."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray
from components.rollout.samples import BoolArray
from components.rollout.statistics.betting import IntArray, Payoffs, log_e_above
from components.rollout.statistics.effect import two_arm
from components.rollout.statistics.restarts import log_e_above_restarted
from components.rollout.statistics.simulation import first_look
from pipelines.benchmarks.measure import Figure, Say, number
from pipelines.benchmarks.rollouts import ALPHA, GUARDS

GOOD, HARMFUL = 0.005, 0.10
"""Rates of errors: of the stable model, and of the candidate once it does harm."""

TOLERATED = 0.01
SHARE = 0.5
LEVEL = 2 * len(GUARDS) / ALPHA
"""E-value at which one guard of four takes the candidate out."""

EVERY = 10
WITHIN = 2_000
"""Requests within which the harm has to be found, however many good ones came before."""

MISSES = 0.05
CELLS = 500_000
"""Requests held at once."""


@dataclass(frozen=True)
class LateSizes:
    """How much is simulated."""

    before: tuple[int, ...] = (0, 1_000, 10_000, 50_000, 200_000)
    """Good requests that come first."""
    after: int = 40_000
    """Requests after them."""
    runs: int = 20


LATE = LateSizes()
SMALL_LATE = LateSizes((0, 10_000), after=3_000, runs=6)

HEAD = ("requests until late harm is found", "median", "largest", "median with bets from the first request alone")


def harm_after(before: int, after: int, runs: int, seed: int) -> tuple[IntArray, IntArray]:
    """Simulate candidates that are good at first, and find the harm that then begins.

    Args:
        before: good requests, to both sides together.
        after: requests after them.
        runs: how many.
        seed: of the draws.

    Returns:
        Requests from the beginning of the harm until it is found, shape (runs,): as rollouts find it, and with bets
        that run from the first request on; ``after`` and ``EVERY`` more where it is not found.
    """
    rng, n = np.random.default_rng(seed), before + after
    batch = max(1, CELLS // n)
    looks = np.arange(before + EVERY - 1, n, EVERY)
    found = []
    for start in range(0, runs, batch):
        shape = (min(batch, runs - start), n)
        payoffs = _payoffs(rng, shape, before)
        both = (log_e_above_restarted(payoffs, TOLERATED, looks=looks), log_e_above(payoffs, TOLERATED, looks=looks))
        found.append([_requests(log_e) for log_e in both])
    restarted, cumulative = (np.concatenate(side) for side in zip(*found, strict=True))
    return restarted, cumulative


def bench_late(progress: Say, sizes: LateSizes, seed: int) -> tuple[list[Figure], list[tuple[str, ...]]]:
    """Simulate all of the lengths of good conduct.

    Returns:
        A figure for each that is held to its promise, and the rows of a table whose first one is its head.
    """
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = [HEAD]
    for i, before in enumerate(sizes.before):
        what = f"errors {100 * GOOD:g} -> {100 * HARMFUL:g} % after {before:,} good requests"
        progress(f"{sizes.runs} rollouts that do harm late: {what}")
        restarted, cumulative = harm_after(before, sizes.after, sizes.runs, seed + i)
        missed = 100 * float((restarted > WITHIN).mean())
        what_missed = f"not found within {WITHIN:,}, {what}"
        figures.append(Figure(what_missed, missed, "%", "promised", 100 * MISSES, target=True))
        rows.append((what, *_words([np.median(restarted), restarted.max(), np.median(cumulative)])))
    return figures, rows


def _payoffs(rng: np.random.Generator, shape: tuple[int, int], before: int) -> Payoffs:
    who: BoolArray = rng.random(shape) < SHARE
    harmful = who & (np.arange(shape[1]) >= before)
    value = (rng.random(shape) < np.where(harmful, HARMFUL, GOOD)).astype(np.float64)
    return two_arm(who, np.full(shape[1], SHARE), value)


def _requests(log_e: FloatArray) -> IntArray:
    requests: IntArray = (first_look(log_e >= math.log(LEVEL)) + 1) * EVERY
    return requests


def _words(requests: Iterable[float]) -> tuple[str, ...]:
    return tuple(number(round(float(n))) for n in requests)
