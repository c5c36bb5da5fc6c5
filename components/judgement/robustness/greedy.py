"""The greedy attack: a plain search that asks for scores; what it finds, anyone with a little patience finds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.features.rows import number_of_rows
from components.judgement.robustness.levers import move
from components.judgement.robustness.meter import Aim, other_decision, scored, starts

ROUNDS = 10
"""Points are asked about in so many rounds; more would follow the scores closer, and take longer."""
LEAST = 10
"""Points in a round, at least."""


def greedy(
    aim: Aim, rows: Columns, generators: Sequence[np.random.Generator]
) -> tuple[npt.NDArray[np.int64], list[Columns | None]]:
    """Move each of n rows towards the other decision until it is found or no score is left.

    Corners first. From then on half the points are random, some with few levers pulled, and half change one lever of
    the best point so far. Random search with a local half suits scores that are constant between thresholds, where
    gradients are 0. Source: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13
    (2012), for the random half; the local half is coordinate descent. Rows are scored together, which is quick, and
    searched by themselves: one's outcome hangs on no other.

    Args:
        aim: what is attacked; moves reach as far as its budget.
        rows: n rows.
        generators: one for each row, to draw points.

    Returns:
        Scores asked for, shape (n,), and the row with the other decision, or None, for each row.
    """
    n, d = number_of_rows(rows), len(aim.levers)
    decision = aim.model.decide(scored(aim.model, rows))
    sign = np.where(decision == 1, 1.0, -1.0)
    best, lowest = np.zeros((n, d)), np.full(n, np.inf)
    asked, found = np.zeros(n, dtype=np.int64), list[Columns | None]([None] * n)
    size = max(LEAST, aim.queries // ROUNDS)
    left: npt.NDArray[np.int64] = np.arange(n)
    spent = 0
    while len(left) and spent < aim.queries:
        count = min(size, aim.queries - spent)
        points = np.stack([_points(aim, best[i], size, spent == 0, generators[i]) for i in left.tolist()])[:, :count]
        tried = {name: np.repeat(values[left], count) for name, values in rows.items()}
        tried = dict(move(tried, aim.levers, points.reshape(-1, d), aim.budget))
        probability = scored(aim.model, tried)
        other, counts = other_decision(aim, tried, probability, np.repeat(decision[left], count))
        hit, first = counts.reshape(-1, count).any(axis=1), counts.reshape(-1, count).argmax(axis=1)
        asked[left] += np.where(hit, first + 1, count)
        for k in np.flatnonzero(hit).tolist():
            place = k * count + int(first[k])
            found[left[k]] = {name: values[place : place + 1] for name, values in tried.items()}
        # What is decided otherwise and does not count breaks a rule: a dead end, however good its score.
        scores = np.where(other, np.inf, np.repeat(sign[left], count) * probability).reshape(-1, count)
        nearest = scores.argmin(axis=1)
        better = scores.min(axis=1) < lowest[left]
        best[left[better]] = points[better, nearest[better]]
        lowest[left] = np.minimum(lowest[left], scores.min(axis=1))
        left, spent = left[~hit], spent + count
    return asked, found


def _points(aim: Aim, best: FloatArray, size: int, begin: bool, rng: np.random.Generator) -> FloatArray:
    if begin:
        return starts(aim.levers, size, 1.0, rng)
    d = len(aim.levers)
    drawn = rng.uniform([lever.least for lever in aim.levers], 1.0, size=(size, d))
    half = size // 2
    pulled = rng.random((half, d)) < rng.random((half, 1))
    near = np.repeat(best[None, :], size - half, axis=0)
    places, changed = np.arange(size - half), rng.integers(d, size=size - half)
    # Steps of every size, down to a hundredth of the way: scores may be smooth too.
    step = 10.0 ** -rng.uniform(0, 2, size=size - half)
    near[places, changed] += step * (drawn[half:][places, changed] - best[changed])
    return np.concatenate([np.where(pulled, drawn[:half], 0.0), near])
