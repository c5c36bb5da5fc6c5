"""Bins: neighbouring cells joined by counts that were already released, so that pairs of columns stay countable."""

from datetime import date

import numpy as np

from components.core.contracts import FloatArray
from components.data.synthetic.cells import Cells, Codes, day_of


def consistent(counts: FloatArray, total: float) -> FloatArray:
    """Turn noisy counts into the nearest ones that are not negative and add up to a total.

    The Euclidean projection on the simplex (Duchi, Shalev-Shwartz, Singer, Chandra, "Efficient projections onto the
    l1-ball for learning in high dimensions", ICML 2008): one constant is taken off all counts and what falls below 0 is
    0, so that the noise of empty cells does not add up to rows that nobody has.

    >>> consistent(np.array([10.0, -1.0, 3.0]), 12.0)
    array([9.5, 0. , 2.5])
    """
    total = max(total, 1.0)
    falling = np.sort(counts)[::-1]
    over = (np.cumsum(falling) - total) / np.arange(1, len(counts) + 1)
    last = int(np.flatnonzero(falling > over)[-1])
    return np.maximum(counts - over[last], 0.0)


def join(cells: Cells, mass: FloatArray, most: int) -> Codes:
    """Say for each code of a column which bin it belongs to.

    Cells of numbers are joined with their neighbours to about equal mass, those with much of it stay alone. Of a
    category the most frequent values stay alone and the others share a bin. Missing values have a bin of their own.

    >>> join(Cells(np.arange(6.0)), np.array([1.0, 1.0, 6.0, 1.0, 1.0]), 3)
    array([0, 0, 1, 2, 2])

    Args:
        cells: of the column.
        mass: shape (cells.size,), not negative.
        most: bins for values at most, 2 or more.
    """
    filled = mass[: cells.filled]
    bins = _neighbours(filled, most) if cells.ordered else _frequent(filled, most)
    if cells.nullable:
        bins = np.append(bins, bins.max() + 1)
    return bins.astype(np.int64)


def periods(cells: Cells, mass: FloatArray, unit: str, share: float) -> tuple[Codes, tuple[str, ...]]:
    """Join the cells of the event time to calendar years or quarters, and thin ones with the next.

    Args:
        cells: days or months.
        mass: shape (cells.size,).
        unit: ``year`` or ``quarter``.
        share: a period with a smaller share of the mass is joined with the one after it, the last with the one before.

    Returns:
        Period of each cell, and each period's name: ``2003``, ``2003Q2``, or ``1953-1996`` where several were joined.
    """
    names = [period_of(day_of(edge), unit) for edge in cells.edges[:-1]]
    firsts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    sums = np.add.reduceat(mass, firsts)
    groups: list[list[int]] = [[]]
    held = 0.0
    for i, amount in enumerate(sums):
        groups[-1].append(i)
        held += amount
        if held >= share * mass.sum() and i < len(sums) - 1:
            groups.append([])
            held = 0.0
    if len(groups) > 1 and held < share * mass.sum():
        groups[-2].extend(groups.pop())
    of_calendar = np.searchsorted(firsts, np.arange(len(names)), side="right") - 1
    of_group = np.empty(len(firsts), dtype=np.int64)
    labels = []
    for g, members in enumerate(groups):
        of_group[members] = g
        first, last = names[firsts[members[0]]], names[firsts[members[-1]]]
        labels.append(first if first == last else f"{first}-{last}")
    return of_group[of_calendar], tuple(labels)


def period_of(day: date, unit: str) -> str:
    """Name the period that a day lies in.

    >>> period_of(date(2003, 5, 1), "year"), period_of(date(2003, 5, 1), "quarter")
    ('2003', '2003Q2')
    """
    return str(day.year) if unit == "year" else f"{day.year}Q{(day.month + 2) // 3}"


def _neighbours(mass: FloatArray, most: int) -> Codes:
    target = mass.sum() / most
    while True:
        bins = _greedy(mass, target)
        if bins[-1] < most or target <= 0:
            return bins
        target *= 1.1


def _greedy(mass: FloatArray, target: float) -> Codes:
    """Close a bin once it has the target, and before a cell that has it alone."""
    bins, current, held = np.zeros(len(mass), dtype=np.int64), 0, 0.0
    for i, amount in enumerate(mass):
        if held > 0 and (held >= target or amount >= target):
            current, held = current + 1, 0.0
        bins[i] = current
        held += amount
    return bins


def _frequent(mass: FloatArray, most: int) -> Codes:
    order = np.argsort(-mass, kind="stable")
    bins = np.empty(len(mass), dtype=np.int64)
    bins[order] = np.minimum(np.arange(len(mass)), most - 1)
    return bins
