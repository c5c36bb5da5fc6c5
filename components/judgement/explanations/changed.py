"""Which features look otherwise to one model than to another: the plainest reason for an explanation to move."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from components.core.contracts import FloatArray
from components.training.bundle import Bundle

ALPHA = 0.01
"""A feature counts as changed when so large a difference comes by chance this rarely."""


@dataclass(frozen=True)
class Change:
    """One feature in the training rows of two models.

    Args:
        distance: Kolmogorov and Smirnov's, between the known values of both, 0 to 1; None where one side has none.
        missing: how much larger the share of missing values is for the first model.
        changed: whether either is more than chance would do at ``ALPHA``.
    """

    distance: float | None
    missing: float
    changed: bool


def change(first: FloatArray, second: FloatArray) -> Change:
    """Compare two samples of one feature, NaN for missing.

    Two-sample Kolmogorov-Smirnov test for the values, Fisher's exact test for the missing ones.

    >>> change(np.arange(100.0), np.arange(100.0) + 60).changed, change(np.arange(100.0), np.arange(100.0)).changed
    (True, False)
    """
    gaps = [int(np.isnan(side).sum()) for side in (first, second)]
    known = [side[~np.isnan(side)] for side in (first, second)]
    table = [[gaps[0], len(known[0])], [gaps[1], len(known[1])]]
    odd = float(stats.fisher_exact(table).pvalue) < ALPHA
    missing = gaps[0] / len(first) - gaps[1] / len(second)
    if not all(map(len, known)):
        return Change(None, missing, odd)
    test = stats.ks_2samp(*known, method="asymp")
    return Change(float(test.statistic), missing, odd or float(test.pvalue) < ALPHA)


def changes(first: Bundle, second: Bundle) -> dict[str, Change]:
    """Compare every feature that both models have, by the training rows that travel with their bundles.

    They are 200 rows each: a Kolmogorov-Smirnov distance from about 0.16 on counts as changed.
    """
    matrices = [bundle.transform.apply(bundle.background()).astype(np.float64) for bundle in (first, second)]
    names = [list(bundle.contract.features) for bundle in (first, second)]
    return {
        name: change(matrices[0][:, i], matrices[1][:, names[1].index(name)])
        for i, name in enumerate(names[0])
        if name in names[1]
    }
