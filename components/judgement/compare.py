"""Candidate against champion on the same rows, by a paired bootstrap."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.judgement.ranking import auc

Metric = Literal["log_loss", "brier", "auc"]

MINIMUM_ROWS = 50
MINIMUM_OF_OUTCOME = 5
SMALLEST = 1e-15
"""Probabilities are kept this far from 0 and 1 in the log loss."""


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
    labels: FloatArray, candidate: FloatArray, champion: FloatArray, metric: Metric, rounds: int, seed: int
) -> Comparison:
    """Estimate how much worse the candidate is, with a 95 % percentile interval.

    Rows are drawn with replacement and both models are measured on the same draw, so that what is hard about the rows
    cancels out (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993).

    Args:
        labels: shape (n,), 1 bad, 0 good; mature rows only.
        candidate: shape (n,), probabilities.
        champion: shape (n,), probabilities of the reigning model for the same rows.
        metric: what to compare.
        rounds: draws.
        seed: of the draws.

    Raises:
        FairleadError: the arrays differ in length, a label is neither 0 nor 1, or a probability is not within 0 and 1.

    >>> labels = np.tile([0.0, 0.0, 0.0, 1.0], 100)
    >>> compare(labels, np.full(400, 0.25), np.full(400, 0.4), "brier", 200, 7).worse_by.value
    -0.0225
    """
    _check(labels, candidate, champion)
    n, bad = len(labels), int(labels.sum())
    if n < MINIMUM_ROWS or min(bad, n - bad) < MINIMUM_OF_OUTCOME:
        nothing = Estimate(value=None, n=n)
        return Comparison(metric=metric, candidate=None, champion=None, worse_by=nothing, rounds=rounds, seed=seed)
    measure = _MEASURES[metric]
    sign = -1.0 if metric == "auc" else 1.0
    rng = np.random.default_rng(seed)
    differences = np.empty(rounds)
    for i in range(rounds):
        drawn = rng.integers(n, size=n)
        differences[i] = measure(labels[drawn], candidate[drawn]) - measure(labels[drawn], champion[drawn])
    low, high = np.nanquantile(sign * differences, [0.025, 0.975])  # a draw without one outcome has no AUC
    ours, theirs = measure(labels, candidate), measure(labels, champion)
    worse_by = Estimate(value=round(sign * (ours - theirs), 12), low=float(low), high=float(high), n=n)
    return Comparison(metric=metric, candidate=ours, champion=theirs, worse_by=worse_by, rounds=rounds, seed=seed)


def _check(labels: FloatArray, candidate: FloatArray, champion: FloatArray) -> None:
    if not len(labels) == len(candidate) == len(champion):
        raise FairleadError(
            f"a comparison needs the same rows; found {len(labels)} labels, {len(candidate)} probabilities of the "
            f"candidate and {len(champion)} of the champion"
        )
    if not np.isin(labels, (0.0, 1.0)).all():
        raise FairleadError("a comparison takes labels 0 and 1 only; leave rows without a mature label out")
    for name, scores in (("candidate", candidate), ("champion", champion)):
        wrong = scores[~((scores >= 0) & (scores <= 1))]
        if len(wrong):
            raise FairleadError(
                f"the {name} gives {wrong[0]} for a probability ({len(wrong)} such rows); allowed: 0 to 1"
            )


def _log_loss(labels: FloatArray, scores: FloatArray) -> float:
    p = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return float(-np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))))


def _brier(labels: FloatArray, scores: FloatArray) -> float:
    return float(np.mean((scores - labels) ** 2))


_MEASURES: dict[Metric, Callable[[FloatArray, FloatArray], float]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "auc": auc,
}
