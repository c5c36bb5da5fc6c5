"""Stability: whether explanations stay the same when the background rows are drawn anew.

Interventional Shapley values depend on the background. How much, with a hundred rows or so of it, has to be measured
(Yuan et al., "An empirical study of the effect of background data size on the stability of SHapley Additive
exPlanations (SHAP) for deep learning models", 2022). The model's own values for trees, the path-dependent ones, take no
background and are the same each time.
"""

from dataclasses import dataclass

import numpy as np

from components.core.contracts import Estimate, FloatArray
from components.judgement.explanations import resampling
from components.judgement.explanations.agreement import cosines, rank_correlations

DRAWS = 10
"""Backgrounds drawn; 45 pairs of them are compared."""


@dataclass(frozen=True)
class Stability:
    """How alike the explanations of n rows are from one background to the next.

    Args:
        rows: mean over rows and pairs of backgrounds of the cosine between the two explanations of a row, at most 1.
        ranks: mean over rows and pairs of the rank correlation of the contributions of a row.
        importance: mean over pairs of the rank correlation of the features' mean |SHAP|.
    """

    rows: Estimate
    ranks: Estimate
    importance: Estimate


def stability(drawn: FloatArray, weights: FloatArray, rounds: int, seed: int) -> Stability:
    """Compare explanations of the same rows against several backgrounds, pair by pair.

    The intervals are of a bootstrap that draws rows and backgrounds anew; a background is not paired with itself.

    Args:
        drawn: contributions, shape (draws, n, features), three draws or more.
        weights: how many rows each stands for, shape (n,).
        rounds: of the bootstrap.
        seed: of its draws.
    """
    count, n, _ = drawn.shape
    first, second = np.triu_indices(count, 1)
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    alike = np.stack([cosines(drawn[a], drawn[b]) for a, b in pairs], axis=1)
    ranked = np.stack([rank_correlations(drawn[a], drawn[b]) for a, b in pairs], axis=1)
    sizes = np.abs(drawn).transpose(1, 0, 2).reshape(n, -1)
    if n < resampling.MINIMUM_ROWS:
        nothing = Estimate(value=None, n=n)
        return Stability(nothing, nothing, nothing)
    columns = np.concatenate([alike, ranked, sizes], axis=1)
    value = _of(resampling.mean(columns, weights)[None, :], drawn.shape, np.ones((1, len(pairs))))
    chosen = np.random.default_rng([seed, 1]).multinomial(count, np.full(count, 1 / count), size=rounds)
    weight = (chosen[:, first] * chosen[:, second]).astype(np.float64)
    # A round that drew one and the same background each time has no pair.
    weight[weight.sum(axis=1) == 0] = 1.0
    spread = _of(resampling.means(columns, weights, rounds, seed), drawn.shape, weight)
    return Stability(*(resampling.estimate(float(v[0]), s, n) for v, s in zip(value, spread, strict=True)))


def _of(means: FloatArray, shape: tuple[int, ...], weight: FloatArray) -> list[FloatArray]:
    """Turn means over rows, shape (rounds, columns), and the weight of each pair into the three measures."""
    count, _, features = shape
    first, second = np.triu_indices(count, 1)
    pairs = len(first)
    sizes = means[:, 2 * pairs :].reshape(-1, count, features)
    of_pairs = rank_correlations(sizes[:, first], sizes[:, second])
    parts = (means[:, :pairs], means[:, pairs : 2 * pairs], of_pairs)
    return [(part * weight).sum(axis=1) / weight.sum(axis=1) for part in parts]
