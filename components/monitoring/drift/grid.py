"""A fine grid over the numbers of a column: counts in its cells are had ten times as fast as a sorted column.

A value's cell never falls as the value rises, however the arithmetic rounds, and equal values share a cell. So counts
up to the end of a cell are exact, and whatever has to be known within a cell can be had by sorting that cell alone.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.monitoring.drift.binned import Counts, Sorted

CELLS = 1 << 15
"""Cells of the grid; their counts (256 KB) stay in a core's cache."""
BLOCK = 1 << 15
"""Values that are put into cells at a time; so the scratch space stays in the cache too."""
TAIL = 0.001
"""Share of a sample on either side that the end cells take, so that far values do not coarsen the grid."""
AT_MOST = 0.5
"""Share of the values that may have to be sorted; beyond, sorting all of them is no slower."""

Places = npt.NDArray[np.int32]


class Grid(NamedTuple):
    """Cells of one width over the middle of a sample; the first and the last are open."""

    low: float
    scale: float
    """Cells to the unit."""

    def cells(self, values: npt.NDArray[np.generic]) -> Places:
        """Return each value's cell; shape (n,)."""
        places = np.empty(len(values), dtype=np.int32)
        scratch: FloatArray = np.empty(min(BLOCK, len(values)))
        with np.errstate(over="ignore"):
            for start in range(0, len(values), BLOCK):
                part = values[start : start + BLOCK]
                cell = scratch[: len(part)]
                np.subtract(part, self.low, out=cell)
                np.multiply(cell, self.scale, out=cell)
                np.clip(cell, 0, CELLS - 1, out=cell)
                places[start : start + BLOCK] = cell
        return places


def grid_of(values: Sorted) -> Grid | None:
    """Lay a grid over sorted values; None where they have no width that a number could tell.

    >>> grid_of(np.array([0.0, 32_767.0]))
    Grid(low=0.0, scale=1.0)
    """
    tail = int(TAIL * len(values))
    low, high = float(values[tail]), float(values[-1 - tail])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scale = float(np.float64(CELLS - 1) / (np.float64(high) - np.float64(low)))
    return Grid(low, scale) if np.isfinite([low, scale]).all() and scale > 0 else None


def count_unsorted(values: npt.NDArray[np.generic], edges: Sorted, grid: Grid | None) -> Counts:
    """Count values in any order in the bins that end at ``edges``, as ``binned.count`` does sorted ones.

    Args:
        values: shape (n,), none missing.
        edges: shape (k,), ascending.
        grid: laid over the edges; without one the values are sorted.

    Returns:
        Shape (k + 1,).

    >>> count_unsorted(np.array([9.0, 2.0, 1.0, 2.0]), np.array([1.0, 2.0]), grid_of(np.array([1.0, 2.0]))).tolist()
    [1, 2, 1]
    """
    upto = _upto(values, edges, grid)
    return np.diff(upto, prepend=0, append=len(values))


def _upto(values: npt.NDArray[np.generic], edges: Sorted, grid: Grid | None) -> Counts:
    if grid is None:
        return np.searchsorted(np.sort(values), edges, side="right")
    places, ends = grid.cells(values), grid.cells(edges)
    rows = np.bincount(places, minlength=CELLS)
    has_edge = np.zeros(CELLS, dtype=bool)
    has_edge[ends] = True
    if rows[has_edge].sum() > AT_MOST * len(values):
        return np.searchsorted(np.sort(values), edges, side="right")
    near = np.sort(values[has_edge[places]])
    # Rows of the cells below that hold no edge: counted, not sorted.
    passed = np.cumsum(np.where(has_edge, 0, rows))[ends]
    upto: Counts = np.searchsorted(near, edges, side="right") + passed
    return upto
