"""Tests of one category: how often each value occurs on both sides in, a size and, where there is one, a p-value out.

Three of the tests compare cells. The most frequent values have a cell each and all others share one, so that an open
domain (banks, postcodes) is not called drifting for the noise of its thousand rare values. What is new in it altogether
is ``new_categories``'s to tell, which reads every value.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy import optimize, stats

from components.monitoring.drift import binned
from components.monitoring.drift.binned import Counts
from components.monitoring.drift.effect import Effect, nothing

CELLS = 20
"""Values that have a cell of their own, at most."""
EXPECTED = 5.0
"""Rows that a cell should expect on either side, so that the chi-square law holds (Cochran, 1954)."""
SURELY_SEEN = 700.0
"""A value this many times as frequent as ``1 / log`` of its chance to go unseen has none (exp(-700) is nearly 0)."""


@dataclass(frozen=True)
class Table:
    """How often each value occurs.

    Args:
        reference: shape (k,), rows of each of k values.
        current: shape (k,), in the same order; each value occurs on one side at least.
    """

    reference: Counts
    current: Counts

    @cached_property
    def cells(self) -> tuple[Counts, Counts]:
        """Rows of either side in the cells that are compared.

        Values are taken from the most frequent on, by both sides together, as long as there are at most ``CELLS`` of
        them and each expects ``EXPECTED`` rows on the shorter side; the rest is one cell, and where that expects fewer
        it takes the last value in, unless that leaves one alone. Which value goes where depends on the totals alone,
        not on the side it comes from, so the p-value needs no correction for it.
        """
        total = self.reference + self.current
        order = np.argsort(-total, kind="stable")
        old, new, expected = self.reference[order], self.current[order], total[order] * self._shorter
        kept = int(np.sum(expected[:CELLS] >= EXPECTED))
        if 1 < kept < len(total) and expected[kept:].sum() < EXPECTED:
            kept -= 1
        parts = [(side[:kept], side[kept:].sum(keepdims=True)) for side in (old, new)]
        cells = [np.concatenate(part) if kept < len(total) else part[0] for part in parts]
        return cells[0], cells[1]

    @property
    def _shorter(self) -> float:
        sides = int(self.reference.sum()), int(self.current.sum())
        return min(sides) / sum(sides)


def table(reference: pl.Series, current: pl.Series) -> Table:
    """Count the values of a column on both sides; rows without a value are left out.

    Columns of one and the same categorical type are counted by their codes, all others by value; where the two sides
    differ in type, by their text.

    >>> found = table(pl.Series(["a", "b", "a", None]), pl.Series(["a", "c"]))
    >>> sorted(zip(found.reference.tolist(), found.current.tolist(), strict=True))
    [(0, 1), (1, 0), (2, 1)]
    """
    if reference.dtype != current.dtype:
        reference, current = reference.cast(pl.String), current.cast(pl.String)
    if isinstance(reference.dtype, pl.Categorical | pl.Enum):
        return _by_code(reference, current)
    old, new = (_counted(side) for side in (reference, current))
    both = old.join(new, on="value", how="full", coalesce=True).fill_null(0)
    return Table(both["rows"].to_numpy(), both["rows_right"].to_numpy())


def chi_square(found: Table) -> Effect:
    """Cramér's V of the cells against the side, for sides of equal weight; p-value of the chi-square test.

    Two cells of which one expects fewer than ``EXPECTED`` rows are tested exactly, after Fisher.

    V is ``sqrt(sum((c - r)**2 / (c + r)) / 2)``, r and c the shares of either side: 0 when they are equal, 1 when no
    cell is shared. Where both sides have as many rows it is the textbook's ``sqrt(chi2 / n)``; weighing the sides alike
    keeps it from shrinking as the reference grows. Sources: Pearson (1900), Cramér (1946).

    >>> effect = chi_square(Table(np.array([500, 500]), np.array([600, 400])))
    >>> round(effect.size, 3), effect.p_value < 1e-4
    (0.101, True)
    """
    reference, current = found.cells
    if len(reference) < 2:
        return _one_cell(found, 1.0)
    r, c = reference / reference.sum(), current / current.sum()
    size = math.sqrt(float(np.sum((c - r) ** 2 / (c + r))) / 2)
    both = np.stack([reference, current])
    if len(r) == 2 and stats.contingency.expected_freq(both).min() < EXPECTED:
        p_value = stats.fisher_exact(both).pvalue
    else:
        p_value = stats.chi2_contingency(both, correction=False).pvalue
    return Effect(min(1.0, size), min(1.0, float(p_value)))


def psi(found: Table) -> Effect:
    """Population stability index over the cells; see ``binned.psi``. No p-value."""
    return _divergence(found, binned.psi)


def jensen_shannon(found: Table) -> Effect:
    """Jensen-Shannon distance (base 2) over the cells; see ``binned.jensen_shannon``. No p-value."""
    return _divergence(found, binned.jensen_shannon)


def new_categories(found: Table) -> Effect:
    """Share of the current rows in values that the reference never had, beyond what an open domain makes one expect.

    In an open domain new values keep coming, however still the world stands: the share of the reference's rows whose
    value it saw once is what the next rows will have in values it never saw (Good, 1953, after Turing). So much is
    taken off; 0 where fewer are new.

    The p-value asks how many rows would be in values unseen by the reference if all rows of both sides had been dealt
    to them by chance: a value with t rows then misses the reference with probability ``share of current rows ** t``,
    and its rows are new all at once. The tail of that sum is bounded after Chernoff (1952), so the p-value is never too
    small: for a single frequent value that is new it is exact, for many rare ones up to some times too large.

    >>> new_categories(Table(np.array([990, 10, 0]), np.array([900, 0, 100]))).size
    0.1
    >>> seen_once = np.repeat([[1, 0], [0, 1]], 100, axis=0)  # no value occurs twice: all is new, as ever
    >>> new_categories(Table(seen_once[:, 0], seen_once[:, 1])).size
    0.0
    """
    n, m = int(found.reference.sum()), int(found.current.sum())
    unseen = found.current[found.reference == 0]
    rows = int(unseen.sum())
    expected = float(np.mean(found.reference == 1) * len(found.reference)) / n
    if not rows:
        return Effect(0.0, 1.0)
    return Effect(max(0.0, rows / m - expected), _chance(rows, found.reference + found.current, m / (n + m)))


tests: Mapping[str, Callable[[Table], Effect]] = {
    "chi_square": chi_square,
    "psi": psi,
    "jensen_shannon": jensen_shannon,
    "new_categories": new_categories,
}
"""Every test of a category, by its name in a use case."""


def _chance(rows: int, totals: Counts, current: float) -> float:
    """Bound the probability that values with these totals leave ``rows`` or more rows unseen by the reference."""
    sizes, values = np.unique(totals, return_counts=True)
    log_missed = sizes * math.log(current)
    possible = log_missed > -SURELY_SEEN
    sizes, values, log_missed = sizes[possible], values[possible], log_missed[possible]
    log_seen = np.log1p(-np.exp(log_missed))
    most = int(np.sum(sizes * values))
    if rows > most:
        return 0.0
    if rows <= float(np.sum(sizes * values * np.exp(log_missed))):
        return 1.0
    if rows == most:
        return math.exp(float(np.sum(values * log_missed)))

    def exponent(tilt: float) -> float:
        moments = np.logaddexp(log_seen, log_missed + tilt * sizes)
        return float(np.sum(values * moments)) - tilt * rows

    # Beyond this tilt every value of the smallest size is all but missed.
    highest = float((-log_missed + 40.0).max())
    best = optimize.minimize_scalar(exponent, bounds=(0.0, highest), method="bounded", options={"xatol": 1e-6})
    return math.exp(min(0.0, float(best.fun)))


def _divergence(found: Table, of: Callable[[Counts, Counts], float]) -> Effect:
    reference, current = found.cells
    return Effect(of(reference, current)) if len(reference) > 1 else _one_cell(found)


def _one_cell(found: Table, p_value: float | None = None) -> Effect:
    if len(found.reference) == 1:
        return Effect(0.0, p_value)
    return nothing("no value is frequent enough to be compared; see new_categories")


def _counted(values: pl.Series) -> pl.DataFrame:
    known = values.alias("value").drop_nulls()
    return known.value_counts(name="rows").cast({"rows": pl.Int64})


def _by_code(reference: pl.Series, current: pl.Series) -> Table:
    codes = [side.drop_nulls().to_physical().to_numpy() for side in (reference, current)]
    size = 1 + max((int(side.max()) for side in codes if len(side)), default=-1)
    old, new = (np.bincount(side, minlength=size) for side in codes)
    some = old + new > 0
    return Table(old[some], new[some])
