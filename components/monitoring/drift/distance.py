"""The Kolmogorov-Smirnov distance, exactly: between sorted samples, and to a long one without sorting it."""

import numpy as np
import numpy.typing as npt

from components.monitoring.drift.binned import Sorted
from components.monitoring.drift.grid import AT_MOST, CELLS, grid_of


def ks_distance(few: Sorted, many: Sorted) -> float:
    """Find the largest difference between two distribution functions, 0 to 1.

    Between two neighbours of one sample its function is flat and the other's rises, so the largest difference lies at
    one of its values or just below one: the shorter sample is looked up in the longer, and nothing is merged. At ties
    all but the last (the first) look smaller than they are, which changes no maximum.

    Args:
        few: sorted, none missing; the shorter sample, for speed alone: the distance is symmetric.
        many: likewise, the longer one.

    >>> ks_distance(np.arange(4.0), np.arange(2.0, 6.0))
    0.5
    """
    below, upto = _looked_up(few, many)
    return _largest(np.arange(len(few)), below, upto, len(few), len(many))


def ks_distance_to_unsorted(few: Sorted, many: Sorted) -> float:
    """Find the same, to the last digit, where the longer sample is in any order: some ten times as fast as sorting it.

    Both samples are counted in the cells of one fine grid. At the ends of cells both functions are known; within a cell
    they differ by no more than its counts allow. So the values of those few cells alone have to be sorted in which more
    is possible than what was found already. Where too many values crowd in few cells, all are sorted after all.

    Args:
        few: sorted, none missing.
        many: none missing, in any order.

    >>> ks_distance_to_unsorted(np.arange(4.0), np.array([5.0, 2.0, 4.0, 3.0]))
    0.5
    """
    n, m = len(few), len(many)
    grid = grid_of(few)
    if grid is None:
        return ks_distance(few, np.sort(many))
    mine, theirs = grid.cells(few), grid.cells(many)
    upto_few, upto_many = (np.cumsum(np.bincount(places, minlength=CELLS)) for places in (mine, theirs))
    before_few, before_many = (np.concatenate([[0], upto[:-1]]) for upto in (upto_few, upto_many))
    known = float(np.abs(upto_few / n - upto_many / m).max())
    possible = np.maximum(upto_few / n - before_many / m, upto_many / m - before_few / n)
    close = possible > known
    if not close.any():
        return known
    if (upto_many - before_many)[close].sum() > AT_MOST * m:
        return ks_distance(few, np.sort(many))
    looked_at = np.flatnonzero(close[mine])
    cell, near = mine[looked_at], np.sort(many[close[theirs]])
    # Of the values below, those in cells that were passed over are counted, not sorted.
    gathered = np.cumsum(np.where(close, upto_many - before_many, 0))
    passed = (upto_many - gathered)[cell]
    below, upto = _looked_up(few[looked_at], near)
    return max(known, _largest(looked_at, below + passed, upto + passed, n, m))


def _looked_up(few: Sorted, many: Sorted) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Count, for each of a few values, how many of the other sample are below it, and below or equal."""
    below = np.searchsorted(many, few, side="left")
    upto = below.copy()
    if len(many):
        tied = np.flatnonzero(many[np.minimum(below, len(many) - 1)] == few)
        upto[tied] = np.searchsorted(many, few[tied], side="right")
    return below, upto


def _largest(
    place: npt.NDArray[np.intp], below: npt.NDArray[np.intp], upto: npt.NDArray[np.intp], n: int, m: int
) -> float:
    over, under = (place + 1) / n - upto / m, below / m - place / n
    return max(0.0, float(over.max(initial=0.0)), float(under.max(initial=0.0)))
