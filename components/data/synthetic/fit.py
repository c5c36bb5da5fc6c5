"""Learning a generator: a few noisy counts, chosen where columns hang together, and the distribution that fits them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.data.synthetic.bins import consistent, join, periods
from components.data.synthetic.cells import Codes
from components.data.synthetic.coding import Coding, coding_of, open_categories
from components.data.synthetic.estimation import Released, estimate
from components.data.synthetic.generator import Generator
from components.data.synthetic.guarantee import default_delta
from components.data.synthetic.measuring import Exact, Measurer, Private
from components.data.synthetic.tree import grow

KEYS, SINGLE, CHOICE = 0.1, 0.2, 0.1
"""Shares of the budget: values of open categories (nothing where there are none), counts of each column's cells, the
choice of pairs; all that is left goes into the counts of pairs and triples."""

BINS = 12
"""Bins of a column at most."""

THIN = 0.01
"""A period with a smaller share of the rows is joined with its neighbour."""

OTHER = "other"
"""Stands for all values of an open category that are too rare to be released."""

MINIMUM_ROWS = 100
"""A smaller table is not learned from."""

Unit = Literal["year", "quarter"]


@dataclass(frozen=True)
class _Counted:
    """Rows as codes of bins, with what the bins were made from."""

    codes: Mapping[str, Codes]
    sizes: Mapping[str, int]
    mass: Mapping[str, FloatArray]
    """Released counts of each cell, made consistent."""
    bins: Mapping[str, Codes]
    total: float

    def table(self, columns: Sequence[str]) -> FloatArray:
        """Count the rows over some columns, flat."""
        shape = [self.sizes[c] for c in columns]
        flat = np.ravel_multi_index([self.codes[c] for c in columns], shape)
        return np.bincount(flat, minlength=int(np.prod(shape))).astype(np.float64)

    def single(self, column: str) -> FloatArray:
        """Sum the released counts of a column's cells by bin."""
        sums: FloatArray = np.bincount(self.bins[column], self.mass[column], self.sizes[column]).astype(np.float64)
        return sums


def fit_private(
    table: pl.DataFrame,
    use_case: UseCase,
    epsilon: float,
    delta: float | None = None,
    period: Unit = "year",
    test_seed: int | None = None,
) -> Generator:
    """Learn a generator with a differential privacy guarantee for each row.

    A selection of marginals as in McKenna, Miklau, Sheldon, "Winning the NIST contest" (2021): noisy counts of each
    column, a maximum spanning tree of pairs chosen by the exponential mechanism, noisy counts of each of its pairs
    together with the outcome (and of each column with period and outcome, where there are several periods), and the
    distribution of maximum entropy that fits them (Private-PGM). Cells come from what the use case declares; the
    number of rows is private too.

    What was done to the rows before counts as far as it looked at one row at a time: rules of the use case do, and so
    does keeping rows out by the hash of their id. Ids are taken to be unique: a second row of an id, which quarantine
    takes out because there is a first one, is outside the promise.

    Args:
        table: typed rows that keep the use case's expectations.
        use_case: declares the columns.
        epsilon: to spend at most, rows being added or removed.
        delta: likewise; by default a tenth of one row's share of the table. The default reads the number of rows,
            rounded to a power of ten; give a number where that alone must not be known.
        period: what rows are told apart by in time.
        test_seed: for tests alone: draws the noise by a seed, which voids the guarantee.

    Raises:
        FairleadError: epsilon or delta is out of range, or the table is too small.
    """
    _require_rows(table)
    if delta is None:
        delta = default_delta(10 ** len(str(table.height)))
    return _fit(table, use_case, Private(epsilon, delta, len(open_categories(use_case)), test_seed), period)


def fit_plain(table: pl.DataFrame, use_case: UseCase, period: Unit = "year", bins: int = BINS) -> Generator:
    """Learn a generator from exact counts, with NO privacy: the same model without noise.

    Raises:
        FairleadError: the table is too small.
    """
    _require_rows(table)
    return _fit(table, use_case, Exact(), period, bins)


def _require_rows(table: pl.DataFrame) -> None:
    if table.height < MINIMUM_ROWS:
        raise FairleadError(
            f"a table of {table.height} rows is too small to learn from; {MINIMUM_ROWS} are needed. Without rows use "
            "the use case alone: --from-schema"
        )


def _fit(table: pl.DataFrame, use_case: UseCase, measurer: Measurer, period: Unit, bins: int = BINS) -> Generator:
    open_values = _open_values(table, use_case, measurer)
    coding = coding_of(use_case, open_values)
    counted, labels = _count_singles(coding, table, measurer, period, bins)
    tree = _choose(counted, coding, measurer)
    potentials = _measure(counted, coding, tree, measurer, 1 - SINGLE - CHOICE - (KEYS if open_values else 0.0))
    branches, outcomes = grow(potentials, counted.sizes, coding, tree)
    return Generator(
        coding=coding,
        bins=counted.bins,
        mass=counted.mass,
        periods=labels,
        outcomes=outcomes,
        branches=branches,
        guarantee=measurer.guarantee(),
        rows=round(counted.total),
    )


def _open_values(table: pl.DataFrame, use_case: UseCase, measurer: Measurer) -> dict[str, tuple[str, ...]]:
    """Find the values of categories that declare none, each privately."""
    names = open_categories(use_case)
    found = {}
    for name in names:
        counts = table[name].drop_nulls().value_counts()
        keys = measurer.keys(dict(counts.iter_rows()), KEYS / len(names), "values of open categories")
        found[name] = (*(k for k in keys if k != OTHER), OTHER)
    return found


def _count_singles(
    coding: Coding, table: pl.DataFrame, measurer: Measurer, period: Unit, most: int
) -> tuple[_Counted, tuple[str, ...]]:
    """Count each column's cells, and join them to bins by what was released."""
    cells = coding.encode(table)
    share = SINGLE / len(cells)
    exact = {n: np.bincount(c, minlength=coding.columns[n].size).astype(np.float64) for n, c in cells.items()}
    released = {n: measurer.counts(counts, share, "counts of single columns") for n, counts in exact.items()}
    noisy = {n: counts for n, (counts, _) in released.items()}
    event, deviation = coding.event, released[coding.event][1]
    # All have the same noise in each cell, so that a column's sum is the surer the fewer cells it has.
    weights = np.array([1 / coding.columns[n].size for n in noisy])
    total = max(1.0, float(np.average([counts.sum() for counts in noisy.values()], weights=weights)))
    of_cell, labels, noisy[event] = periods(coding.columns[event], noisy[event], deviation, period, THIN)
    mass = {n: consistent(coding.columns[n], counts, deviation, total) for n, counts in noisy.items()}
    bins: dict[str, Codes] = {n: join(coding.columns[n], m, most) for n, m in mass.items() if n != event}
    bins |= {event: of_cell, coding.outcome: np.array([0, 1])}
    codes = {n: bins[n][c] for n, c in cells.items()}
    sizes = {n: int(b.max()) + 1 for n, b in bins.items()}
    return _Counted(codes, sizes, mass, bins, total), labels


def _choose(counted: _Counted, coding: Coding, measurer: Measurer) -> list[tuple[str, str]]:
    """Choose pairs that make a tree over all columns but outcome and period: where the columns, taken as independent,
    are furthest from the truth (L1, which one row moves by at most 1)."""
    columns = [c for c in counted.sizes if c not in (coding.event, coding.outcome)]
    shares = {c: counted.single(c) / counted.total for c in columns}
    scores = {
        (a, b): float(np.abs(counted.table((a, b)) - counted.total * np.outer(shares[a], shares[b]).ravel()).sum())
        for a, b in combinations(columns, 2)
    }
    group = {c: c for c in columns}
    tree: list[tuple[str, str]] = []
    while len(tree) < len(columns) - 1:
        apart = [pair for pair in scores if group[pair[0]] != group[pair[1]]]
        chosen = apart[measurer.largest([scores[p] for p in apart], CHOICE / (len(columns) - 1), "choice of pairs")]
        tree.append(chosen)
        old, new = group[chosen[1]], group[chosen[0]]
        group = {c: new if g == old else g for c, g in group.items()}
    return tree


def _measure(
    counted: _Counted, coding: Coding, tree: Sequence[tuple[str, str]], measurer: Measurer, share: float
) -> dict[tuple[str, ...], FloatArray]:
    """Count the pairs with the outcome, and each column with period and outcome; fit the joint distribution."""
    columns = [c for c in counted.sizes if c not in (coding.event, coding.outcome)]
    wanted: list[tuple[str, ...]] = [(coding.outcome, *pair) for pair in tree]
    if counted.sizes[coding.event] > 1:
        wanted += [(coding.event, coding.outcome, c) for c in columns]
    elif not tree:
        wanted += [(coding.outcome, c) for c in columns]
    released = []
    for names in wanted or [(coding.event, coding.outcome)]:
        counts, deviation = measurer.counts(
            counted.table(names), share / max(1, len(wanted)), "counts of sets of columns"
        )
        released.append(Released(names, counts, deviation))
    return estimate(counted.sizes, released, counted.total)
