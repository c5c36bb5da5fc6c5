"""What is evened out: the share with the favourable decision in each group, and the widest gap between groups."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray

Criterion = Literal["demographic_parity", "equal_opportunity"]
"""``demographic_parity``: of all rows of a group, as many get the favourable decision as of another. Or, with
``equal_opportunity``, of all its rows with a good outcome (Hardt, Price and Srebro, NeurIPS 2016)."""

Codes = npt.NDArray[np.intp]


def counted(labels: FloatArray, criterion: Criterion) -> npt.NDArray[np.bool_]:
    """Say which rows a criterion looks at, shape (n,): all, or those with a good outcome."""
    return labels == 0 if criterion == "equal_opportunity" else np.ones(len(labels), dtype=bool)


def favourable_rates(flagged: FloatArray, weights: FloatArray, codes: Codes, groups: int) -> FloatArray:
    """Share of the rows of each group that are not flagged, shape (groups,); NaN where a group has none.

    >>> favourable_rates(np.array([1.0, 0.0, 0.0]), np.ones(3), np.array([0, 0, 1]), 3).tolist()
    [0.5, 1.0, nan]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: FloatArray = np.bincount(codes, weights * (1 - flagged), groups) / np.bincount(codes, weights, groups)
    return rates


def widest(rates: FloatArray, compared: Codes) -> float:
    """Largest rate of the groups that are compared, minus the smallest.

    >>> widest(np.array([0.7, 0.9, 0.1]), np.array([0, 1])).__round__(3)
    0.2
    """
    return float(np.ptp(rates[compared]))
