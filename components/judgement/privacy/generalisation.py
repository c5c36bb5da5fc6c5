"""The generalisation gap: how much better a model does on the rows that it learned from, the plain sign of memory."""

import math

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.judgement.privacy.intervals import Mask, area_spread, mean_difference
from components.judgement.privacy.membership import losses
from components.judgement.subject import Part

Z = 1.959963984540054


def loss_gap(train: Part, test: Part) -> Estimate:
    """Mean log loss on the test rows less that on the training rows, rows weighted by what they stand for."""
    return mean_difference(_weighted(test), _weighted(train))


def area_gap(train: Part, test: Part) -> Estimate:
    """AUC on the training rows less that on the test rows; variances by DeLong et al. 1988, rows unweighted.

    Without a value where a part has fewer than two rows of an outcome.
    """
    n = len(train) + len(test)
    if any(min(part.labels.sum(), (1 - part.labels).sum()) < 2 for part in (train, test)):
        return Estimate(value=None, n=n)
    (seen, v1), (unseen, v2) = (area_spread(p.probability, p.labels == 1) for p in (train, test))
    half = Z * math.sqrt(v1 + v2)
    return Estimate(value=seen - unseen, low=seen - unseen - half, high=seen - unseen + half, n=n)


def gap_beyond_split(own: FloatArray, blind: FloatArray, members: Mask) -> Estimate:
    """Mean loss that the model saves beside models which saw none of the rows: on members, less that on others.

    Args:
        own: log loss of the model, shape (n,).
        blind: log loss of models that saw none of the rows, shape (n,).
        members: shape (n,), whether the model was trained on a row.

    >>> members = np.arange(100) < 50
    >>> gap_beyond_split(np.where(members, 0.1, 0.6), np.full(100, 0.6), members).value
    0.5
    """
    saved = blind - own
    return mean_difference(saved[members], saved[~members])


def _weighted(part: Part) -> FloatArray:
    found: FloatArray = losses(part.probability, part.labels) * part.weights / np.mean(part.weights)
    return found
