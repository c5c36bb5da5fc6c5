"""Candidate against champion on the same rows, by a paired bootstrap."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.training.metrics import weighted_metrics

Metric = Literal["log_loss", "brier", "auc"]

MINIMUM_ROWS = 50
MINIMUM_OF_OUTCOME = 5
CELLS = 2_000_000
"""Weights held at once: 16 MB."""


class Comparison(BaseModel):
    """How much worse the candidate is than the champion on the same rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric
    candidate: float | None
    champion: float | None
    worse_by: Estimate
    """Above 0 the candidate is worse, whichever way the metric points; value None where there was too little data."""
    rounds: int
    seed: int


def compare(
    labels: FloatArray,
    candidate: FloatArray,
    champion: FloatArray,
    metric: Metric,
    rounds: int,
    seed: int,
    weights: FloatArray | None = None,
) -> Comparison:
    """Estimate how much worse the candidate is, with a 95 % percentile interval.

    Rows are drawn with replacement and both models are measured on the same draw, so that what is hard about the rows
    cancels out (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993).

    Args:
        labels: shape (n,), 1 bad, 0 good.
        candidate: shape (n,), probabilities.
        champion: shape (n,), probabilities of the reigning model for the same rows.
        metric: what to compare.
        rounds: draws.
        seed: of the draws.
        weights: how many rows each stands for, shape (n,); None counts each once.

    Raises:
        FairleadError: the arrays differ in length, a label is neither 0 nor 1, or a probability is not within 0 and 1.

    >>> labels = np.tile([0.0, 0.0, 0.0, 1.0], 100)
    >>> round(compare(labels, np.full(400, 0.25), np.full(400, 0.4), "brier", 200, 7).worse_by.value, 6)
    -0.0225
    """
    _check(labels, candidate, champion)
    n, bad = len(labels), int(labels.sum())
    if n < MINIMUM_ROWS or min(bad, n - bad) < MINIMUM_OF_OUTCOME:
        nothing = Estimate(value=None, n=n)
        return Comparison(metric=metric, candidate=None, champion=None, worse_by=nothing, rounds=rounds, seed=seed)
    sign = -1.0 if metric == "auc" else 1.0
    counts = np.ones(n) if weights is None else weights
    ours, theirs = (float(_measure(metric, labels, p, counts[None, :])[0]) for p in (candidate, champion))
    differences = np.concatenate(
        [
            _measure(metric, labels, candidate, w * counts) - _measure(metric, labels, champion, w * counts)
            for w in draws(n, rounds, seed)
        ]
    )
    low, high = np.nanquantile(sign * differences, [0.025, 0.975])  # a draw without one outcome has no AUC
    worse_by = Estimate(value=sign * (ours - theirs), low=float(low), high=float(high), n=n)
    return Comparison(metric=metric, candidate=ours, champion=theirs, worse_by=worse_by, rounds=rounds, seed=seed)


def _measure(metric: Metric, labels: FloatArray, p: FloatArray, weights: FloatArray) -> FloatArray:
    # Neither of the three depends on a threshold or a cost.
    return weighted_metrics(p, labels, weights, 0.5, 1.0, 1.0)[metric]


def draws(n: int, rounds: int, seed: int | Sequence[int]) -> Iterator[FloatArray]:
    """Say how often each draw holds each row, in portions of shape (draws, n)."""
    rng = np.random.default_rng(seed)
    portion = max(1, CELLS // n)
    for start in range(0, rounds, portion):
        part = range(start, min(start + portion, rounds))
        yield np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in part]).astype(np.float64)


def _check(labels: FloatArray, candidate: FloatArray, champion: FloatArray) -> None:
    if not len(labels) == len(candidate) == len(champion):
        raise FairleadError(
            f"a comparison needs the same rows; found {len(labels)} labels, {len(candidate)} probabilities of the "
            f"candidate and {len(champion)} of the champion"
        )
    if not np.isin(labels, (0.0, 1.0)).all():
        raise FairleadError("a comparison takes labels 0 and 1 only; leave rows without a label out")
    for name, scores in (("candidate", candidate), ("champion", champion)):
        wrong = scores[~((scores >= 0) & (scores <= 1))]
        if len(wrong):
            raise FairleadError(
                f"the {name} gives {wrong[0]} for a probability ({len(wrong)} such rows); allowed: 0 to 1"
            )
