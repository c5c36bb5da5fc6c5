"""Global importance: how far each feature moves a score on average, its share of the whole, and its rank."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.judgement.explanations import resampling
from components.judgement.explanations.contributions import Contributions


@dataclass(frozen=True)
class Importance:
    """Mean |SHAP| of k features over n rows, in log-odds; every interval is of 95 %.

    Args:
        features: names.
        value: shape (k,); ``low`` and ``high`` are the ends of its interval.
        share: of the sum over all features, 0 to 1, with its ends; NaN where no feature moves anything.
        rank: 1 for the most important, with its ends over the rounds; equal ones by their order.
        n: rows.
    """

    features: tuple[str, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray
    share: FloatArray
    share_low: FloatArray
    share_high: FloatArray
    rank: npt.NDArray[np.intp]
    rank_low: FloatArray
    rank_high: FloatArray
    n: int

    @property
    def order(self) -> list[int]:
        """Places of the features, the most important first."""
        return [int(i) for i in np.argsort(self.rank, kind="stable")]


def importance(explained: Contributions, weights: FloatArray, rounds: int, seed: int) -> Importance:
    """Average the size of the contributions (Lundberg et al. 2020, "global importance"), with bootstrap intervals.

    Args:
        explained: of n rows.
        weights: how many rows each stands for, shape (n,).
        rounds: of the bootstrap.
        seed: of its draws.
    """
    sizes = np.abs(explained.contributions)
    value = resampling.mean(sizes, weights)
    drawn = resampling.means(sizes, weights, rounds, seed)
    low, high = resampling.ends(drawn)
    share_low, share_high = resampling.ends(shares(drawn))
    rank_low, rank_high = resampling.ends(_ranks(drawn).astype(np.float64))
    return Importance(
        features=explained.features,
        value=value,
        low=low,
        high=high,
        share=shares(value),
        share_low=share_low,
        share_high=share_high,
        rank=_ranks(value),
        rank_low=np.floor(rank_low),
        rank_high=np.ceil(rank_high),
        n=len(explained),
    )


def shares(sizes: FloatArray) -> FloatArray:
    """Divide by the sum along the last axis; NaN where that is 0.

    >>> shares(np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    total = sizes.sum(axis=-1, keepdims=True)
    found: FloatArray = np.divide(sizes, total, out=np.full_like(sizes, np.nan), where=total > 0)
    return found


def _ranks(sizes: FloatArray) -> npt.NDArray[np.intp]:
    order = np.argsort(-sizes, axis=-1, kind="stable")
    return np.argsort(order, axis=-1, kind="stable") + 1
