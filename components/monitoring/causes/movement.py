"""How far each column moved between two windows, on one scale for all kinds, and whether that is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from components.core.contracts import FloatArray
from components.monitoring.causes.bins import Bins

LEAST_EXPECTED = 5.0
"""Bins in which fewer rows are expected on a side are tested together: the chi-square approximation needs so many."""


@dataclass(frozen=True)
class Moved:
    """One column.

    Args:
        bins: the column, cut.
        distance: total variation between both windows: the share of rows that would have to change their bin, 0 to 1.
        p_value: of a chi-square test that both windows are alike.
        discovered: whether that is so even with the false discoveries among all columns controlled.
    """

    bins: Bins
    distance: float
    p_value: float
    discovered: bool

    @property
    def name(self) -> str:
        """Of the column."""
        return self.bins.name


def moved(columns: Sequence[Bins], rate: float = 0.05) -> list[Moved]:
    """Measure how far each column moved.

    Args:
        columns: cut alike in both windows.
        rate: of false discoveries among all that are discovered, at most (Benjamini and Hochberg, 1995).

    >>> still = Bins("x", ("x=0", "x=1", "x missing"), np.arange(200) % 2, np.arange(100) % 2, ordered=True)
    >>> gone = Bins("y", ("y=0", "y=1", "y missing"), np.arange(200) % 2, np.full(100, 2), ordered=True)
    >>> [(m.name, m.distance, m.discovered) for m in moved([still, gone])]
    [('x', 0.0, False), ('y', 1.0, True)]
    """
    if not columns:
        return []
    found = [_test(bins) for bins in columns]
    adjusted = stats.false_discovery_control([p for _, p in found], method="bh")
    return [
        Moved(bins, distance, p, discovered=bool(q <= rate))
        for bins, (distance, p), q in zip(columns, found, adjusted, strict=True)
    ]


def _test(bins: Bins) -> tuple[float, float]:
    counts = np.stack(
        [np.bincount(side, minlength=len(bins.conditions)) for side in (bins.reference, bins.current)]
    ).astype(np.float64)
    if not counts.sum(axis=1).all():
        return 0.0, 1.0
    shares = counts / counts.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2), _chi_square(counts)


def _chi_square(counts: FloatArray) -> float:
    """Return the p-value that both rows of a table, shape (2, bins), come from the same shares."""
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    small = expected.min(axis=0) < LEAST_EXPECTED
    if small.any():
        counts = np.column_stack([counts[:, ~small], counts[:, small].sum(axis=1)])
        counts = counts[:, counts.sum(axis=0) > 0]
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    if counts.shape[1] < 2:
        return 1.0
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, counts.shape[1] - 1))
