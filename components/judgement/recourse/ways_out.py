"""Ways out: for declined rows the changes that whoever asks could make for the other decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.core.use_case import UseCase
from components.features.rows import number_of_rows
from components.judgement.counterfactuals import search
from components.judgement.explanation import Change, Counterfactual
from components.judgement.recourse.rules import held
from components.training.bundle import Bundle
from components.training.v2_request import column, json_values

DAYS = 365.25
"""A change of a date costs its part of a year."""


@dataclass(frozen=True)
class WaysOut:
    """What was found for n declined rows.

    Args:
        rows: their inputs.
        counterfactuals: one for each row; only those that are feasible are found.
    """

    rows: Columns
    counterfactuals: tuple[Counterfactual, ...]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which rows have a way out, shape (n,)."""
        return np.array([c.found for c in self.counterfactuals], dtype=bool)


def find_ways_out(use_case: UseCase, bundle: Bundle, rows: Columns, names: Sequence[str], samples: int) -> WaysOut:
    """Look for a way out of each row, as the explainer does: with the values of the bundle's background rows.

    What changes are inputs; the transform computes every feature anew from them, so that features fit together.

    Args:
        use_case: says what may be acted on and what rows must keep.
        bundle: the model.
        rows: n rows, all inputs.
        names: of the rows, shape (n,).
        samples: rows scored at most for each.
    """
    fields, background = bundle.contract.inputs, bundle.background()
    rules = held(use_case, fields)
    found = []
    for i in range(number_of_rows(rows)):
        row = {name: values[i : i + 1] for name, values in rows.items()}
        actionable = use_case.explanations.actionable
        found.append(
            search(bundle, row, background, fields, actionable, rules, name=names[i], samples=samples, anyway=False)
        )
    return WaysOut(rows, tuple(found))


def changed(rows: Columns, place: int, changes: Sequence[Change], fields: Sequence[Field]) -> Columns:
    """Take one row with changes made; returns all its inputs, one row."""
    row = {name: values[place : place + 1].copy() for name, values in rows.items()}
    by_name = {f.name: f for f in fields}
    return {**row, **{c.input: column([c.new], by_name[c.input]) for c in changes}}


def cost(found: Counterfactual, fields: Sequence[Field], spread: Mapping[str, float]) -> float:
    """Add up how far the changes of one row reach.

    Numbers count in units of ``spread``, the distance between the 5th and 95th percentile in training; a date by the
    years between; a category, and a value that was missing, as 1.
    """
    by_name = {f.name: f for f in fields}
    return sum(_one_cost(change, by_name[change.input], spread) for change in found.changes)


def costs(ways: WaysOut, fields: Sequence[Field], spread: Mapping[str, float]) -> FloatArray:
    """Tell the cost of each way out that was found, shape (found,)."""
    return np.array([cost(c, fields, spread) for c in ways.counterfactuals if c.found])


def _one_cost(change: Change, field: Field, spread: Mapping[str, float]) -> float:
    if field.kind == "category" or change.old is None:
        return 1.0
    old, new = column([change.old], field)[0], column([change.new], field)[0]
    if field.kind == "date":
        return abs(float((new - old) / np.timedelta64(1, "D"))) / DAYS
    return abs(float(new - old)) / spread[field.name]


def as_json(rows: Columns, place: int, fields: Sequence[Field]) -> dict[str, object]:
    """Write one row as JSON values, None for missing."""
    return {f.name: json_values(rows[f.name][place : place + 1], f)[0] for f in fields}
