"""The generator: what was learned of a table, as conditional distributions along a tree; rows are drawn from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.core.contracts import FloatArray
from components.core.errors import unknown
from components.data.synthetic.cells import Codes
from components.data.synthetic.coding import Coding
from components.data.synthetic.guarantee import Guarantee


@dataclass(frozen=True)
class Branch:
    """One column's distribution, given period, outcome and its parent in the tree.

    Args:
        column: whose.
        parent: the column that it is drawn after; None for the root.
        table: shape (periods, outcomes, parent bins or 1, bins), rows add up to 1.
    """

    column: str
    parent: str | None
    table: FloatArray


@dataclass(frozen=True)
class Generator:
    """Draws codes of rows; any number of rows costs no more privacy than the generator did.

    The period comes first, then the outcome, then one column after another along the tree: a tree-augmented naive Bayes
    model (Friedman, Geiger, Goldszmidt, "Bayesian network classifiers", Machine Learning 29, 1997) for each period.

    Args:
        coding: cells of the columns.
        bins: column → bin of each of its cells.
        mass: column → counts of each of its cells, not negative: how rows lie within a bin.
        periods: names of the periods, in order of time.
        outcomes: shape (periods, 2), rows of each.
        branches: in the order of drawing, parents first.
        guarantee: what was promised to those in the table.
        rows: about how many rows the table had (noisy, where the guarantee is private).
    """

    coding: Coding
    bins: Mapping[str, Codes]
    mass: Mapping[str, FloatArray]
    periods: tuple[str, ...]
    outcomes: FloatArray
    branches: tuple[Branch, ...]
    guarantee: Guarantee
    rows: int

    def period(self, name: str) -> int:
        """Find a period by name; a year or quarter that was joined with its neighbours is found by its own name.

        Raises:
            FairleadError: there is no such period; lists those there are.
        """
        for i, label in enumerate(self.periods):
            first, _, last = label.partition("-")
            if (label == name or first <= name <= (last or first)) and len(name) == len(first):
                return i
        raise unknown("period", name, self.periods, "A joined one can also be named by any year or quarter in it.")

    def draw_periods(self, rows: int, rng: np.random.Generator) -> Codes:
        """Draw the periods of n rows as often as the table has them, shape (n,)."""
        share = self.outcomes.sum(axis=1)
        drawn: Codes = rng.choice(len(self.periods), rows, p=share / share.sum()).astype(np.int64)
        return drawn

    def draw(self, periods: Codes, rng: np.random.Generator) -> dict[str, Codes]:
        """Draw the cells of n rows in the periods given, each column shape (n,); the event's lies in its period."""
        bad = self.outcomes[:, 1] / np.maximum(self.outcomes.sum(axis=1), 1e-12)
        outcome = (rng.random(len(periods)) < bad[periods]).astype(np.int64)
        drawn = {self.coding.outcome: outcome}
        for branch in self.branches:
            parent = drawn[branch.parent] if branch.parent else np.zeros(len(periods), dtype=np.int64)
            drawn[branch.column] = _draw_rows(branch.table, periods, outcome, parent, rng)
        drawn[self.coding.event] = periods
        return {name: self._cell(name, bins, rng) for name, bins in drawn.items()}

    def _cell(self, column: str, bins: Codes, rng: np.random.Generator) -> Codes:
        """Draw a cell in each row's bin, as often as the bin's cells have rows."""
        of_cell, mass = self.bins[column], self.mass[column]
        found = np.empty(len(bins), dtype=np.int64)
        for b in np.unique(bins):
            cells, rows = np.flatnonzero(of_cell == b), bins == b
            share = mass[cells] if mass[cells].sum() > 0 else np.ones(len(cells))
            found[rows] = rng.choice(cells, int(rows.sum()), p=share / share.sum())
        return found


def _draw_rows(table: FloatArray, periods: Codes, outcome: Codes, parent: Codes, rng: np.random.Generator) -> Codes:
    """Draw one bin for each row by inverting its cumulative distribution."""
    rising = np.cumsum(table, axis=-1)
    rising /= rising[..., -1:]
    place = rng.random(len(periods))
    drawn = np.empty(len(periods), dtype=np.int64)
    for start in range(0, len(periods), 50_000):
        part = slice(start, start + 50_000)
        of_row = rising[periods[part], outcome[part], parent[part]]
        drawn[part] = (place[part, None] >= of_row).sum(axis=1)
    last: Codes = np.minimum(drawn, table.shape[-1] - 1)
    return last
