"""How well a score ranks the bad above the good."""

import polars as pl

from components.core.contracts import FloatArray


def auc(labels: FloatArray, score: FloatArray) -> float:
    """Return the area under the ROC curve as the Mann-Whitney statistic, NaN when there is only one outcome.

    Args:
        labels: shape (n,), 1 bad, 0 good.
        score: shape (n,), higher is riskier; ties count half.

    Source: J. A. Hanley and B. J. McNeil, Radiology 143 (1982).

    >>> import numpy as np
    >>> auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    bad = int(labels.sum())
    good = len(labels) - bad
    if bad == 0 or good == 0:
        return float("nan")
    ranks = pl.Series(score).rank("average").to_numpy()
    return float((ranks[labels == 1].sum() - bad * (bad + 1) / 2) / (bad * good))
