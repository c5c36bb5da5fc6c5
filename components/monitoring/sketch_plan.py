"""What sketches count: a plan, drawn up once from the reference, by which any number of workers count alike."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from components.core.contracts import FloatArray, Kind
from components.monitoring.drift import binned
from components.monitoring.drift.binned import Sorted
from components.monitoring.drift.grid import Grid, grid_of
from components.monitoring.drift.numeric import samples

BINS = 1_150
"""Bins of a number that is never twice the same."""
MOST_BINS = 1_240
"""Bins of any number, so that its counts take less than 10 KB."""
KEPT = 200
"""Values of a category that are counted each for itself, at most."""


@dataclass(frozen=True)
class NumberPlan:
    """Upper ends of the bins of a number or a date (in days); the last bin has none. Shape (k,), ascending."""

    edges: FloatArray
    error: float
    """By how much the KS distance may come out too small: the largest share of the reference within one bin, bins that
    hold a single number left out. At most 0.001 for 8,000 reference rows or more, unless hundreds of values each have
    more than that share."""

    @cached_property
    def grid(self) -> Grid | None:
        return grid_of(self.edges) if len(self.edges) else None


@dataclass(frozen=True)
class CategoryPlan:
    """Values that are counted each for itself, the most frequent of the reference first."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is counted of each column."""

    columns: Mapping[str, NumberPlan | CategoryPlan]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the plan: sketches with the same one can be added."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Write the plan; some 20 KB for a number."""
        told = {
            name: {"edges": part.edges.tolist(), "error": part.error}
            if isinstance(part, NumberPlan)
            else {"values": part.values}
            for name, part in self.columns.items()
        }
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what ``to_json`` wrote."""
        told = json.loads(text)
        return cls(
            {
                name: NumberPlan(np.array(part["edges"], dtype=np.float64), part["error"])
                if "edges" in part
                else CategoryPlan(tuple(part["values"]))
                for name, part in told.items()
            }
        )


def plan_of(reference: pl.DataFrame, kinds: Mapping[str, Kind]) -> Plan:
    """Draw up a plan from the rows that others will be compared with.

    Args:
        reference: rows with every column of ``kinds``.
        kinds: column → what it holds.

    >>> plan_of(pl.DataFrame({"x": [1.0, 2.0, 2.0], "c": ["a", "b", "b"]}), {"c": "category"}).columns["c"].values
    ('b', 'a')
    """
    parts: dict[str, NumberPlan | CategoryPlan] = {}
    for name, kind in kinds.items():
        if kind == "category":
            counted = reference[name].drop_nulls().cast(pl.String).value_counts(name="rows")
            frequent = counted.sort(["rows", name], descending=[True, False])[name]
            parts[name] = CategoryPlan(tuple(frequent[:KEPT]))
        else:
            known = samples(reference[name], reference[name][:0]).reference
            parts[name] = plan_number(known.astype(np.float64))
    return Plan(parts)


def plan_number(known: Sorted) -> NumberPlan:
    """Cut sorted values into bins of a like number of rows.

    A value with more rows than a bin is to hold has one of its own, to the last digit. The tenths of ``binned`` are
    among the edges, so that its divergences can be had from the counts.

    Args:
        known: float64, ascending; may be empty.
    """
    if not len(known):
        return NumberPlan(np.empty(0), 0.0)
    tenths = binned.quantile_edges(known)
    rows = -(-len(known) // BINS)
    edges = np.union1d(tenths, _edges(known, rows))
    while len(edges) >= MOST_BINS:
        rows += -(-rows // 8)
        edges = np.union1d(tenths, _edges(known, rows))
    single = np.append(False, edges[:-1] == np.nextafter(edges[1:], -np.inf))
    shared = binned.count(known, edges)[:-1][~single]
    return NumberPlan(edges, float(shared.max(initial=0)) / len(known))


def _edges(known: Sorted, rows: int) -> FloatArray:
    """Walk through the values, closing a bin before it holds more than ``rows`` of them."""
    edges, start = [], 0
    while start < len(known):
        last = known[min(start + rows, len(known)) - 1]
        first, end = np.searchsorted(known, last, side="left"), np.searchsorted(known, last, side="right")
        if end - start <= rows:
            edges.append(last)
        elif first > start:
            edges.append(known[first - 1])
            end = first
        else:
            edges += [np.nextafter(last, -np.inf), last]
        start = int(end)
    return np.unique(np.array(edges))
