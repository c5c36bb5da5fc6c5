"""How alike explanations of the same rows are: row by row, and in what they hold to be important."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from components.core.contracts import Estimate, FloatArray
from components.judgement.explanations import resampling


@dataclass(frozen=True)
class Agreement:
    """How alike two explanations of the same n rows are.

    Args:
        rows: mean cosine between the two explanations of a row, at most 1.
        importance: rank correlation of the features' mean |SHAP|.
    """

    rows: Estimate
    importance: Estimate


def agreement(first: FloatArray, second: FloatArray, weights: FloatArray, rounds: int, seed: int) -> Agreement:
    """Compare two explanations of the same rows, with bootstrap intervals over rows.

    Args:
        first: contributions, shape (n, features).
        second: the same by another method.
        weights: how many rows each stands for, shape (n,).
        rounds: of the bootstrap.
        seed: of its draws.
    """
    n, k = first.shape
    if n < resampling.MINIMUM_ROWS:
        return Agreement(Estimate(value=None, n=n), Estimate(value=None, n=n))
    columns = np.column_stack([cosines(first, second), np.abs(first), np.abs(second)])
    value = resampling.mean(columns, weights)
    drawn = resampling.means(columns, weights, rounds, seed)
    ranks = [rank_correlations(m[..., 1 : k + 1], m[..., k + 1 :]) for m in (value, drawn)]
    return Agreement(
        rows=resampling.estimate(float(value[0]), drawn[:, 0], n),
        importance=resampling.estimate(float(ranks[0]), ranks[1], n),
    )


def cosines(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the cosine between two explanations of each row, shape (n,); 1 where both move nothing, 0 where one does.

    Args:
        first: contributions, shape (n, features).
        second: the same of another explanation.

    >>> cosines(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]])).round(3).tolist()
    [0.707, 1.0]
    """
    sizes = [np.sqrt(np.einsum("nf,nf->n", a, a)) for a in (first, second)]
    product = sizes[0] * sizes[1]
    dot = np.einsum("nf,nf->n", first, second)
    found = np.divide(dot, product, out=np.zeros_like(dot), where=product > 0)
    found[(sizes[0] == 0) & (sizes[1] == 0)] = 1.0
    within: FloatArray = np.clip(found, -1.0, 1.0)
    return within


def rank_correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return Spearman's rank correlation along the last axis; NaN where one side is all equal.

    >>> float(rank_correlations(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0])))
    0.5
    """
    a, b = (rankdata(side, axis=-1) for side in (first, second))
    a, b = (side - side.mean(axis=-1, keepdims=True) for side in (a, b))
    product = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    found: FloatArray = np.divide((a * b).sum(axis=-1), product, out=np.full(product.shape, np.nan), where=product > 0)
    return found
