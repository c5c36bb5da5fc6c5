"""Public grids: the cells that a column's values fall into before anything is counted, made from the use case alone.

Cells that hang on the rows would tell of the rows. These hang on what a use case declares (kind, bounds, domain) and on
constants of this module, so that encoding a row looks at nothing but that row.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.use_case import Column

Codes = npt.NDArray[np.int64]

MANTISSAS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Where cells begin in each power of ten: where people like to round to. Each such number has a cell of its own."""

HAIR = 1e-6
"""Width of the cell of such a number that is not whole, as a share of it."""

DECADES = 6
"""Powers of ten below a number's bound that have cells of their own; what is smaller falls into the cell of 0."""

CENTS = -2
"""Where a bound is missing, the least power of ten that has."""

STEPS = 200
"""Cells of equal width that are laid between two declared bounds of whole numbers besides: many of those are codes."""

SINGLE = 1000
"""Whole numbers get a cell each where no more are allowed; days where there are no more than two in five of it."""

UNBOUNDED = 1e9
"""Where no bound is declared, cells reach so far; what lies beyond falls into the last one."""

FIRST_DAY, LAST_DAY = date(1950, 1, 1), date(2050, 1, 1)
"""Where no first or last day is declared."""

DELAYS = (-3650, 14600)
"""Days from the event to another date of its row; longer ones fall into the first or last cell."""

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Cells:
    """The cells of one column; a missing value has the last code where the column may be empty.

    Args:
        edges: shape (cells + 1,), rising, for numbers and for days; cell i reaches from edge i up to the next, which
            belongs to cell i + 1. Empty for categories.
        values: of a category, one for each cell.
        whole: whether numbers are whole.
        nullable: whether values may be missing.
    """

    edges: FloatArray
    values: tuple[str, ...] = ()
    whole: bool = True
    nullable: bool = False

    @property
    def filled(self) -> int:
        """Number of cells that hold values."""
        return len(self.values) if self.values else max(0, len(self.edges) - 1)

    @property
    def size(self) -> int:
        """Number of codes: the cells, and one for missing values where there may be some."""
        return self.filled + self.nullable

    @property
    def ordered(self) -> bool:
        """Whether neighbouring codes are alike."""
        return not self.values

    def encode(self, values: npt.NDArray[Any]) -> Codes:
        """Give each of n values its cell, shape (n,).

        Numbers and days outside the grid fall into its ends, a category that is not in ``values`` into the last of
        them, and a missing value where none may be into the last code.

        >>> Cells(np.array([0.0, 1.0, 5.0]), nullable=True).encode(np.array([0.5, 3.0, 99.0, np.nan]))
        array([0, 1, 1, 2])
        """
        if self.values:
            codes = {value: i for i, value in enumerate(self.values)}
            missing_code = self.size - 1
            return np.array(
                [missing_code if v is None else codes.get(v, self.filled - 1) for v in values], dtype=np.int64
            )
        missing = np.isnan(values)
        found = np.searchsorted(self.edges, np.where(missing, self.edges[0], values), side="right") - 1
        return np.where(missing, self.size - 1, np.clip(found, 0, self.filled - 1)).astype(np.int64)

    def draw(self, codes: Codes, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draw a value in each of n cells, shape (n,): numbers uniformly between the edges, NaN or None where missing.

        Numbers that are not whole are rounded to four digits of their size; in the cell that begins with 0 they are 0.
        """
        if self.values:
            names = np.array([*self.values, None], dtype=object)
            return names[codes]
        known = codes < self.filled
        at = np.where(known, codes, 0)
        low, high = self.edges[at], self.edges[at + 1]
        drawn = low + (high - low) * rng.random(len(codes))
        if self.whole:
            drawn = np.clip(np.floor(drawn), np.ceil(low), np.maximum(np.ceil(high) - 1, np.ceil(low)))
        else:
            size = np.floor(np.log10(np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-300)))
            unit = 10.0 ** np.minimum(size - 3, 0)
            drawn = np.where(low == 0, 0.0, np.clip(np.round(drawn / unit) * unit, low, high))
        return np.where(known, drawn, np.nan)


def of_number(column: Column) -> Cells:
    """Lay cells for a number: finer ones nearer to 0, a cell for each round number above 0, which many rows may share,
    and equal steps between the declared bounds of a whole one.

    >>> of_number(Column(kind="int", minimum=-2, maximum=1)).edges
    array([-2., -1.,  0.,  1.,  2.])
    """
    whole = column.kind == "int"
    low = -UNBOUNDED if column.minimum is None else column.minimum
    high = UNBOUNDED if column.maximum is None else column.maximum
    last = high + 1 if whole else float(np.nextafter(high, np.inf))
    if whole and high - low < SINGLE:
        return Cells(np.arange(low, high + 2, dtype=np.float64), nullable=column.nullable)
    top = int(np.ceil(np.log10(max(abs(low), abs(high), 10.0))))
    open_end = column.minimum is None or column.maximum is None
    bottom = 0 if whole else CENTS if open_end else top - DECADES
    positive = np.array([m * 10.0**e for e in range(bottom, top + 1) for m in MANTISSAS])
    after = positive + 1 if whole else positive * (1 + HAIR)
    inner = np.concatenate([-positive, [0.0], positive, after])
    if whole and column.minimum is not None and column.maximum is not None:
        inner = np.concatenate([inner, np.linspace(low, high, STEPS + 1)])
    if whole:
        inner = np.floor(inner)
    edges = np.unique(np.concatenate([[low], inner[(inner > low) & (inner <= high)], [last]]))
    return Cells(edges, whole=whole, nullable=column.nullable)


def of_category(column: Column, values: tuple[str, ...]) -> Cells:
    """Give each value of a category a cell; values that are not among them count as the last one."""
    return Cells(np.array([]), values=values, nullable=column.nullable)


def of_event(first: date, last: date) -> Cells:
    """Give each day a cell, or each month where there are many days; edges are days since 1970.

    >>> of_event(date(2005, 1, 30), date(2005, 2, 1)).edges.tolist()
    [12813.0, 12814.0, 12815.0, 12816.0]
    """
    begin, end = (first - EPOCH).days, (last - EPOCH).days + 1
    if end - begin <= 0.4 * SINGLE:
        return Cells(np.arange(begin, end + 1, dtype=np.float64))
    months = [date(y, m, 1) for y in range(first.year, last.year + 1) for m in range(1, 13)]
    inner = [(m - EPOCH).days for m in months if first < m <= last]
    return Cells(np.array([begin, *inner, end], dtype=np.float64))


def of_delay(nullable: bool) -> Cells:
    """Lay cells for the days from an event to another date of its row: single ones near it, then longer stretches."""
    span = Column(kind="int", minimum=DELAYS[0], maximum=DELAYS[1])
    return Cells(np.union1d(of_number(span).edges, np.arange(-31.0, 63.0)), nullable=nullable)


def day_of(days: float) -> date:
    """Return the date so many days after 1970 began.

    >>> day_of(365.0)
    datetime.date(1971, 1, 1)
    """
    return EPOCH + timedelta(days=int(days))
