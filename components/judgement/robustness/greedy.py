"""The greedy attack: a plain search that asks for scores; what it finds, anyone with a little patience finds."""

import numpy as np

from components.core.contracts import FloatArray
from components.judgement.robustness.meter import Meter, Stopped, starts

ROUNDS = 10
"""Points are asked about in so many rounds; more would follow the scores closer, and take longer."""
LEAST = 10
"""Points in a round, at least."""


def greedy(meter: Meter, rng: np.random.Generator) -> None:
    """Move towards the other decision until it is found or no score is left.

    Corners first. From then on half the points are random, some with few levers pulled, and half change one lever of
    the best point so far. Random search with a local half suits scores that are constant between thresholds, where
    gradients are 0. Source: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13
    (2012), for the random half; the local half is coordinate descent.

    Args:
        meter: its reach is the budget; what is found stands in ``found``.
        rng: draws the points.
    """
    sign = 1.0 if meter.decision == 1 else -1.0
    best, lowest = np.zeros(meter.width), np.inf
    size = max(LEAST, meter.aim.queries // ROUNDS)
    points = starts(meter.aim.levers, size, 1.0, rng)
    try:
        while True:
            probability, _ = meter.ask(points)
            # What is decided otherwise and did not end the search breaks a rule: a dead end, however good its score.
            dead = meter.aim.model.decide(probability) != meter.decision
            scores = np.where(dead, np.inf, sign * probability)
            if scores.min() < lowest:
                best, lowest = points[int(scores.argmin())], float(scores.min())
            points = _next(meter, best, size, rng)
    except Stopped:
        return


def _next(meter: Meter, best: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    drawn = rng.uniform(meter.least, 1.0, size=(size, meter.width))
    half = size // 2
    pulled = rng.random((half, meter.width)) < rng.random((half, 1))
    near = np.repeat(best[None, :], size - half, axis=0)
    places, changed = np.arange(size - half), rng.integers(meter.width, size=size - half)
    near[places, changed] = drawn[half:][places, changed]
    return np.concatenate([np.where(pulled, drawn[:half], 0.0), near])
