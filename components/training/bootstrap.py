"""Bootstrap intervals for the metrics of one set of rows."""

from collections.abc import Iterator, Mapping
from zlib import crc32

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.core.use_case import Training
from components.training.metrics import BINNED, NAMES, weighted_metrics

MINIMUM_ROWS = 50
"""Fewer rows say too little for any metric."""

CELLS = 2_000_000
"""Weights held at once: 16 MB."""


def estimate(
    p: FloatArray,
    labels: FloatArray,
    training: Training,
    threshold: float,
    name: str,
    weights: FloatArray | None = None,
) -> Mapping[str, Estimate]:
    """Compute every metric with its 95 % interval.

    Rows are drawn with replacement, classes not fixed, so that the interval also carries the uncertainty of the
    share of bad rows; rounds without both classes are left out. The interval is the percentile interval (Efron and
    Tibshirani, "An introduction to the bootstrap", 1993, chapter 13), except for the calibration errors: resampling
    adds noise to every bin and so pushes the error up, which the reversed interval (value minus what the rounds
    exceed it by) takes back; it is widened to hold the value. Rows count as independent: where loans of one bank fail
    together, the truth is wider.

    Args:
        p: probabilities, shape (n,).
        labels: shape (n,), 1 bad, 0 good.
        training: rounds, seed and costs.
        threshold: from which probability a row is called bad.
        name: what the rows are; the draws depend on it and the seed alone, not on what else is estimated.
        weights: how many rows each stands for, shape (n,), taken as given; None counts each once.

    Returns:
        For each metric an estimate; without a value for fewer than 50 rows or a single class.
    """
    n, bad = len(labels), int(labels.sum())
    if n < MINIMUM_ROWS or bad in (0, n):
        return dict.fromkeys(NAMES, Estimate(value=None, n=n))
    costs = (threshold, training.cost_false_negative, training.cost_false_positive)
    counts = np.ones(n) if weights is None else weights
    values = weighted_metrics(p, labels, counts[None, :], *costs)
    rounds = [weighted_metrics(p, labels, w * counts, *costs) for w in _draws(n, training, name)]
    return {
        metric: _interval(metric, float(values[metric][0]), np.concatenate([r[metric] for r in rounds]), n)
        for metric in NAMES
    }


def _draws(n: int, training: Training, name: str) -> Iterator[FloatArray]:
    rng = np.random.default_rng([training.seed, crc32(name.encode())])
    left = training.bootstrap_rounds
    while left > 0:
        size = min(left, max(1, CELLS // n))
        drawn = rng.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        left -= size


def _interval(metric: str, value: float, rounds: FloatArray, n: int) -> Estimate:
    known = rounds[~np.isnan(rounds)]
    if not len(known):
        return Estimate(value=value, n=n)
    low, high = (float(q) for q in np.quantile(known, [0.025, 0.975]))
    if metric in BINNED:
        low, high = max(0.0, min(value, 2 * value - high)), max(value, 2 * value - low)
    return Estimate(value=value, low=low, high=high, n=n)
