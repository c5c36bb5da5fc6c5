"""Bins: neighbouring cells joined by counts that were already released, so that pairs of columns stay countable."""

import math
from datetime import date

import numpy as np

from components.core.contracts import FloatArray
from components.data.synthetic.cells import Cells, Codes, day_of

FAR = 3.5
"""Standard deviations from which on a count is taken for more than noise."""

LONG = 6
"""Spans of 2 to the power of this many cells, and longer ones, have to lie ``FAR`` deviations out."""

FEW = 16
"""Among so many cells rows are spread alike where counts do not tell them apart."""


def consistent(cells: Cells, counts: FloatArray, deviation: float, total: float) -> FloatArray:
    """Turn a column's noisy counts into ones that are not negative and add up to a total.

    Of a category they are the nearest such ones. Numbers and days have hundreds of cells, most of them empty, whose
    noise would add up to rows that nobody has: the total goes down from halves to halves of halves in proportion to
    their sums, and a half that does not stand out of its noise gets nothing: of two cells one may be small, a span of
    hundreds has to lie ``FAR`` deviations out. Where neither half stands out, the one nearer to 0 gets all, since
    tables thin out towards the ends of what is allowed, or, among few cells, all get alike.

    >>> consistent(Cells(np.arange(5.0)), np.array([10.0, -1.0, 0.5, 0.0]), 1.0, 12.0)
    array([12.,  0.,  0.,  0.])

    Args:
        cells: of the column.
        counts: shape (cells.size,).
        deviation: of the noise of each.
        total: rows in all.
    """
    if not cells.ordered:
        return nearest(counts, total)
    missing = counts[cells.filled :]
    empty = np.clip(np.where(missing > FAR * deviation, missing, 0.0), 0.0, total)
    filled = np.zeros(cells.filled)
    _share_out(filled, counts, cells.edges, deviation, (0, cells.filled), total - float(empty.sum()))
    return np.concatenate([filled, empty])


def _share_out(
    into: FloatArray, counts: FloatArray, edges: FloatArray, deviation: float, span: tuple[int, int], rows: float
) -> None:
    """Share rows out over the cells of a span."""
    first, last = span
    if last - first == 1:
        into[first] = rows
        return
    middle = (first + last) // 2
    halves = ((first, middle), (middle, last))
    sums = [float(counts[a:b].sum()) for a, b in halves]
    clear = [s if s > deviation * _noise(b - a) else 0.0 for s, (a, b) in zip(sums, halves, strict=True)]
    if not any(clear) and last - first <= FEW:
        into[first:last] = rows / (last - first)
        return
    if not any(clear):
        away = [abs(edges[a] + edges[b]) for a, b in halves]
        clear = [1.0, 0.0] if away[0] <= away[1] else [0.0, 1.0]
    for half, part in zip(halves, clear, strict=True):
        if part > 0:
            _share_out(into, counts, edges, deviation, half, rows * part / sum(clear))


def _noise(length: int) -> float:
    """Say how far the sum of so many cells has to lie out to be taken for more than noise, in deviations of one cell.

    Taking noise for rows does little harm among few cells, where rows are near anyhow, and much at the ends of a grid;
    missing rows does as much anywhere.
    """
    return FAR * min(1.0, math.log2(length) / LONG) * math.sqrt(length)


def nearest(counts: FloatArray, total: float) -> FloatArray:
    """Find the nearest counts that are not negative and add up to a total.

    The Euclidean projection on the simplex (Duchi, Shalev-Shwartz, Singer, Chandra, "Efficient projections onto the
    l1-ball for learning in high dimensions", ICML 2008).

    >>> nearest(np.array([10.0, -1.0, 3.0]), 12.0)
    array([9.5, 0. , 2.5])
    """
    total = max(total, 1.0)
    falling = np.sort(counts)[::-1]
    over = (np.cumsum(falling) - total) / np.arange(1, len(counts) + 1)
    last = int(np.flatnonzero(falling > over)[-1])
    found: FloatArray = np.maximum(counts - over[last], 0.0)
    return found


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


def periods(
    cells: Cells, counts: FloatArray, deviation: float, unit: str, share: float
) -> tuple[Codes, tuple[str, ...], FloatArray]:
    """Join the cells of the event time to calendar years or quarters, and thin ones with the next.

    A calendar period whose count is within ``FAR`` deviations of its noise counts as empty.

    Args:
        cells: days or months.
        counts: shape (cells.size,), noisy.
        deviation: of the noise of each.
        unit: ``year`` or ``quarter``.
        share: a period with a smaller share of the rows is joined with the one after it, the last with the one before.

    Returns:
        Period of each cell; each period's name: ``2003``, ``2003Q2``, or ``1997-1999`` where several were joined, empty
        ones at the ends left out; the counts, those of empty calendar periods 0.
    """
    names = [period_of(day_of(edge), unit) for edge in cells.edges[:-1]]
    firsts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    lengths = np.diff([*firsts, len(names)])
    sums = np.add.reduceat(counts, firsts)
    sums = np.where(sums > FAR * deviation * np.sqrt(lengths), sums, 0.0)
    if not sums.any():  # so little data that nothing stands out: one period
        sums = np.ones(len(sums))
    groups = _groups(sums, share * sums.sum())
    of_group = np.repeat(np.arange(len(groups)), [len(members) for members in groups])
    filled = [[names[firsts[i]] for i in members if sums[i] > 0] for members in groups]
    labels = tuple(f[0] if len(f) == 1 else f"{f[0]}-{f[-1]}" for f in filled)
    return np.repeat(of_group, lengths), labels, np.where(np.repeat(sums > 0, lengths), counts, 0.0)


def _groups(sums: FloatArray, enough: float) -> list[list[int]]:
    """Join neighbours until each group has enough."""
    groups: list[list[int]] = []
    waiting: list[int] = []
    for i, _ in enumerate(sums):
        waiting.append(i)
        if sums[waiting].sum() >= enough:
            groups.append(waiting)
            waiting = []
    groups[-1].extend(waiting)
    return groups


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
    """Close a bin once it has the target, and before a cell that has it alone; no bin is of empty cells."""
    bins, current, held = np.zeros(len(mass), dtype=np.int64), 0, 0.0
    for i, amount in enumerate(mass):
        if held > 0 and amount > 0 and (held >= target or amount >= target):
            current, held = current + 1, 0.0
        bins[i] = current
        held += amount
    return bins


def _frequent(mass: FloatArray, most: int) -> Codes:
    order = np.argsort(-mass, kind="stable")
    bins = np.empty(len(mass), dtype=np.int64)
    bins[order] = np.minimum(np.arange(len(mass)), most - 1)
    return bins
