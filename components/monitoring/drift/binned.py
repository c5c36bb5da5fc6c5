"""Bins cut at the reference's quantiles, and the three divergences between two sets of counts.

Numbers, categories and sketches all come down to counts in the same cells; so each divergence is defined once, here.
Rows without a value are in no cell: that values are missing is a test of its own (``missing``).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray

Counts = npt.NDArray[np.integer[Any]]
Sorted = npt.NDArray[Any]
"""Numbers in ascending order, none missing, shape (n,)."""

BINS = 10
"""Tenths, as scorecards have used them for PSI all along; its thresholds of 0.1 and 0.25 were made for them."""

EMPTY = 0.5
"""Rows that an empty cell counts as, where a logarithm needs more than none.

An empty cell says that its share is below one row, not that it is nothing. Half a row is what Jeffreys' prior adds to a
cell. A floor at the smallest float would make one empty tenth worth 70 instead of 0.5 (of 1,000 rows), so that PSI
would tell of emptiness alone; a fixed floor such as 0.0001 is above one row of 10,000, and so invents rows.
"""


def quantile_edges(reference: Sorted, bins: int = BINS) -> Sorted:
    """Cut the reference into bins of the same number of rows, as far as ties allow.

    Edges are observed values, each the upper end of its bin, which holds it; the last bin has no upper end. A value on
    which several quantiles fall, or which is the largest, has a bin of its own: the largest value below it is an edge
    too. So no bin is empty of reference rows, and the edges of a column with few values are its values.

    Args:
        reference: at least one value.
        bins: at most so many, and at least two.

    Returns:
        Shape (k,), ascending, k < bins; empty where the reference has one value only.

    >>> quantile_edges(np.arange(1, 101), 4).tolist()
    [25, 50, 75]
    >>> quantile_edges(np.array([0, 1, 1, 1, 1, 1, 1, 1]), 4).tolist()
    [0]
    """
    n = len(reference)
    places = -(-np.arange(1, bins) * n // bins) - 1
    quantiles, times = np.unique(reference[np.maximum(places, 0)], return_counts=True)
    frequent = quantiles[(times > 1) | (quantiles == reference[-1])]
    first = np.searchsorted(reference, frequent, side="left")
    below = reference[first[first > 0] - 1]
    edges: Sorted = np.union1d(quantiles, below)
    inner: Sorted = edges[edges < reference[-1]]
    return inner


def count(values: Sorted, edges: Sorted) -> Counts:
    """Count sorted values in the bins that end at ``edges``.

    Returns:
        Shape (len(edges) + 1,); bin i holds what is above edge i - 1 and not above edge i.

    >>> count(np.array([1.0, 2.0, 2.0, 9.0]), np.array([1.0, 2.0])).tolist()
    [1, 2, 1]
    """
    upto = np.searchsorted(values, edges, side="right")
    return np.diff(upto, prepend=0, append=len(values))


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index: the sum over cells of ``(c - r) * ln(c / r)``, r and c the shares of either side.

    It is the sum of both Kullback-Leibler divergences (Jeffreys, 1946). A cell that is empty on one side counts as
    ``EMPTY`` rows there; cells empty on both are left out. 0 when the shares are equal, without an upper end.

    >>> round(psi(np.array([50, 50]), np.array([60, 40])), 4)
    0.0405
    """
    r, c = _floored(reference, current)
    return float(np.sum((c - r) * np.log(c / r)))


def kl(reference: Counts, current: Counts) -> float:
    """Kullback-Leibler divergence of the current shares from the reference's: the sum of ``c * ln(c / r)``, in nats.

    Only cells that the reference lacks need a floor (``EMPTY`` rows): an empty current cell adds 0, its limit. Bins of
    numbers always hold reference rows, so there no floor is ever used. Source: Kullback and Leibler (1951).

    >>> round(kl(np.array([50, 50]), np.array([75, 25])), 4)
    0.1308
    """
    r, c = _floored(reference, current)
    c = _shares(current)[(reference > 0) | (current > 0)]
    full = c > 0
    return max(0.0, float(np.sum(c[full] * np.log(c[full] / r[full]))))


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Jensen-Shannon distance, to base 2: 0 when the shares are equal, 1 when no cell is shared.

    The square root of half the divergences (in bits) of either side from their mean, which is a metric (Endres and
    Schindelin, 2003). The mean is never 0 where a side is not, so no floor is needed.

    >>> round(jensen_shannon(np.array([50, 50]), np.array([75, 25])), 4)
    0.2209
    >>> jensen_shannon(np.array([4, 0]), np.array([0, 9]))
    1.0
    """
    r, c = _shares(reference), _shares(current)
    mean = (r + c) / 2
    divergence = 0.0
    for side in (r, c):
        full = side > 0
        divergence += float(np.sum(side[full] * np.log2(side[full] / mean[full]))) / 2
    return math.sqrt(max(0.0, divergence))


def _shares(counts: Counts) -> FloatArray:
    shares: FloatArray = counts / counts.sum()
    return shares


def _floored(reference: Counts, current: Counts) -> tuple[FloatArray, FloatArray]:
    """Return the shares of the cells that are not empty on both sides, empty ones raised to half a row."""
    some = (reference > 0) | (current > 0)
    r, c = (np.maximum(side[some], EMPTY) / side.sum() for side in (reference, current))
    return r, c
