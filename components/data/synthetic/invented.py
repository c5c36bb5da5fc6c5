"""A generator from the use case alone, before there are any rows: plausible values, invented relations, no data."""

import math
from datetime import date, timedelta
from zlib import crc32

import numpy as np
from scipy.stats import norm

from components.core.contracts import FloatArray
from components.core.use_case import Column, UseCase
from components.data.synthetic.bins import periods
from components.data.synthetic.cells import Cells, Codes
from components.data.synthetic.coding import Coding, coding_of, days_since_epoch, open_categories
from components.data.synthetic.generator import Branch, Generator
from components.data.synthetic.guarantee import Guarantee

BAD = 0.2
"""Share of bad rows."""

MISSING = 0.05
"""Share of empty cells in a column that may be empty."""

TILT = 1.0
"""How far bad rows lean to one end of a column: their chance rises by e to this from one end to the other."""

YEARS = 10
"""How long the course of time is, where the use case allows."""

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
"""Values of categories that declare none."""


def invent(use_case: UseCase) -> Generator:
    """Invent a generator from the declared columns, so that a use case can be compiled and run before its data come.

    Numbers lie where their bounds suggest, categories fall off from value to value, a fifth of the rows is bad within
    the time that labels take, and bad rows lean to one end of every column (up for a column that is also a feature in
    ``training.increasing``). None of it is true of anything: a model trained on it says nothing.

    Args:
        use_case: as it stands in its YAML; its rules hold in every row that is drawn.
    """
    coding = coding_of(use_case, dict.fromkeys(open_categories(use_case), NAMES))
    mass = {name: _mass(name, coding, use_case) for name in coding.columns}
    bins: dict[str, Codes] = {name: np.arange(cells.size) for name, cells in coding.columns.items()}
    event = coding.columns[coding.event]
    bins[coding.event], labels, _ = periods(event, mass[coding.event], 0.0, "year", 0.01)
    of_period = np.bincount(bins[coding.event], mass[coding.event])
    return Generator(
        coding=coding,
        bins=bins,
        mass=mass,
        periods=labels,
        outcomes=np.outer(of_period, [1 - BAD, BAD]),
        branches=tuple(
            Branch(name, None, _table(name, mass[name], coding, use_case, len(labels)))
            for name in coding.columns
            if name not in (coding.event, coding.outcome)
        ),
        guarantee=Guarantee(kind="invented"),
        rows=0,
    )


def _table(name: str, mass: FloatArray, coding: Coding, use_case: UseCase, of_periods: int) -> FloatArray:
    """Give good rows the column's own shares, and let bad ones lean; no column leans otherwise in another period."""
    cells = coding.columns[name]
    rising = name in use_case.training.increasing or crc32(name.encode()) % 2 == 0
    filled = np.cumsum(mass[: cells.filled]) / max(float(mass[: cells.filled].sum()), 1e-12)
    lean = np.exp((TILT if rising else -TILT) * filled)
    bad = mass * np.append(lean, np.ones(cells.size - cells.filled))
    both = np.stack([mass, bad])
    if name == coding.outcome_time and cells.nullable:
        both = np.stack([np.eye(cells.size)[-1], np.append(mass[:-1], 0.0)])
    shares = both / both.sum(axis=1, keepdims=True)
    table: FloatArray = np.broadcast_to(shares[None, :, None, :], (of_periods, 2, 1, cells.size)).copy()
    return table


def _mass(name: str, coding: Coding, use_case: UseCase) -> FloatArray:
    cells, column = coding.columns[name], use_case.data.columns[name]
    if name == coding.event:
        return _spread(cells, *_course(use_case, column))
    if name in coding.delays:
        longest = 28.0 * use_case.labels.maturity_months if name == coding.outcome_time else 60.0
        filled = _spread(cells, 1.0, longest)
    elif cells.values:
        filled = 0.6 ** np.arange(cells.filled, dtype=np.float64)
    else:
        filled = _numbers(cells, column)
    filled = filled / filled.sum()
    if not cells.nullable:
        whole: FloatArray = filled
        return whole
    return np.append((1 - MISSING) * filled, MISSING)


def _course(use_case: UseCase, column: Column) -> tuple[float, float]:
    """Give the first and last day of the events: some years up to the training date, or to where the table ends."""
    ends: list[date] = [use_case.as_of + timedelta(days=365)]
    ends += [day for day in (use_case.data.known_until, column.latest) if day is not None]
    last = min(ends)
    first = last - timedelta(days=365 * YEARS)
    if column.earliest is not None and column.earliest < last:
        first = max(first, column.earliest)
    return float(days_since_epoch(first)), float(days_since_epoch(last))


def _spread(cells: Cells, first: float, last: float) -> FloatArray:
    """Spread evenly from one day to another, both included; at least the cell of the first has something."""
    low, high = cells.edges[:-1], cells.edges[1:]
    shared: FloatArray = np.clip(np.minimum(high, last + 1) - np.maximum(low, first), 0.0, None)
    if shared.sum() <= 0:
        shared[cells.encode(np.array([first]))[0]] = 1.0
    return shared


def _numbers(cells: Cells, column: Column) -> FloatArray:
    """Put numbers between near bounds evenly, others around what is neither small nor large between them."""
    low, high = float(cells.edges[0]), float(cells.edges[-1])
    if high - low <= 200 and column.minimum is not None and column.maximum is not None:
        even: FloatArray = np.diff(cells.edges)
        return even
    floor, top = max(low, 1.0), min(max(high, 2.0), 1e6)
    middle = (math.log(floor) + math.log(top)) / 2
    width = max((math.log(top) - math.log(floor)) / 6, 0.1)
    edges = np.log(np.maximum(cells.edges, 1e-12))
    inside = np.clip(edges, math.log(floor), math.log(top))
    filled: FloatArray = np.diff(norm.cdf((inside - middle) / width))
    return filled
