"""The same model among other people: test rows weighted as if one input were high, or low, more often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Estimate, Field, FloatArray
from components.judgement.robustness.intervals import draws, percentiles
from components.judgement.robustness.levers import as_numbers
from components.judgement.robustness.strained import MINIMUM_OF_OUTCOME
from components.training.metrics import weighted_metrics

PART = 1 / 3
"""Rows are parted at these quantiles; the outer part becomes …"""
BECOMES = 2 / 3
"""… so large a share of all rows."""
SMALLEST, LARGEST = 0.1, 0.6
"""A part that ties make smaller or larger than this is no part to shift to."""
CLIP = 1e-15


@dataclass(frozen=True)
class Shift:
    """One shifted population, by n weighted rows.

    Args:
        name: ``limit=low``, ``age=high``.
        effective: as many unweighted rows would say as much (L. Kish, Survey Sampling, 1965).
        auc: of the weighted rows.
        loss: log loss as a share of the loss of whoever knows the rows' share of bad ones and nothing else; above 1 the
            model is worse than that.
    """

    name: str
    effective: float
    auc: float
    loss: float


def shift_weights(rows: Columns, fields: Sequence[Field]) -> dict[str, FloatArray]:
    """Weigh rows as if the upper, or the lower, third of each number were two thirds of all rows.

    These are importance weights: shifted density over the rows' own (H. Shimodaira, "Improving predictive inference
    under covariate shift by weighting the log-likelihood function", 2000). Their mean is 1.

    Returns:
        Shift → weights, shape (n,).
    """
    found = {}
    for field in fields:
        if field.kind not in ("int", "float"):
            continue
        values = as_numbers(rows[field.name])
        known = values[~np.isnan(values)]
        if not len(known):
            continue
        low, high = np.quantile(known, [PART, 1 - PART])
        for side, part in (("low", values <= low), ("high", values >= high)):
            weights = _towards(part)
            if weights is not None:
                found[f"{field.name}={side}"] = weights
    return found


def _towards(part: npt.NDArray[np.bool_]) -> FloatArray | None:
    size = float(part.mean())
    if not SMALLEST <= size <= LARGEST:
        return None
    return np.where(part, BECOMES / size, (1 - BECOMES) / (1 - size))


def measure_shifts(
    probability: FloatArray, labels: FloatArray, weights: FloatArray, shifts: dict[str, FloatArray]
) -> list[Shift]:
    """Measure every shifted population; those with too few rows of an outcome are left out. The worst loss comes first.

    Args:
        probability: of the rows as they are, shape (n,).
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (n,), how many rows each stands for.
        shifts: from ``shift_weights``.
    """
    bad = int(labels.sum())
    if min(bad, len(labels) - bad) < MINIMUM_OF_OUTCOME or not shifts:
        return []
    both = np.stack(list(shifts.values())) * weights
    aucs = weighted_metrics(probability, labels, both, 0.5, 1.0, 1.0)["auc"]
    losses = relative_loss(probability, labels, both)
    effective = both.sum(axis=1) ** 2 / (both**2).sum(axis=1)
    found = [Shift(*row) for row in zip(shifts, effective.tolist(), aucs.tolist(), losses.tolist(), strict=True)]
    return sorted(found, key=lambda s: (-s.loss, s.name))


def relative_loss(probability: FloatArray, labels: FloatArray, weights: FloatArray) -> FloatArray:
    """Log loss as a share of the base rate's: normalised entropy.

    Source: X. He and others, "Practical lessons from predicting clicks on ads at Facebook", ADKDD 2014.

    >>> relative_loss(np.array([0.25, 0.25]), np.array([0.0, 1.0]), np.array([[3.0, 1.0], [1.0, 1.0]])).round(3)
    array([1.   , 1.208])

    Args:
        probability: shape (n,).
        labels: shape (n,), 1 bad, 0 good.
        weights: shape (rounds, n).

    Returns:
        Shape (rounds,); NaN where the weights leave one outcome alone.
    """
    p = np.clip(probability, CLIP, 1 - CLIP)
    loss = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    # Not by matrix product, whose last digits hang on how many threads there are.
    total = weights.sum(axis=1)
    mean = (weights * loss).sum(axis=1) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (weights * labels).sum(axis=1) / total
        entropy = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
        return np.where((rate > 0) & (rate < 1), mean / entropy, np.nan)


def estimate_shift(
    probability: FloatArray, labels: FloatArray, weights: FloatArray, rounds: int, seed: int
) -> tuple[Estimate, Estimate]:
    """Estimate relative loss and AUC of one shifted population, by a bootstrap of its rows.

    The intervals are those of this population; that it was picked as the worst of many is not in them.

    Args:
        weights: the shift's, times how many rows each stands for, shape (n,).
    """
    n = len(labels)
    counts = draws(n, rounds, seed) * weights
    losses = relative_loss(probability, labels, counts)
    aucs = weighted_metrics(probability, labels, counts, 0.5, 1.0, 1.0)["auc"]
    return percentiles(losses, n), percentiles(aucs, n)
