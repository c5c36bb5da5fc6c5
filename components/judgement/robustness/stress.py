"""Rows as they come in on a bad day: blurred numbers, gaps, slips of a digit. All of them stay within the contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, Field, FloatArray
from components.features.rows import number_of_rows
from components.judgement.robustness.levers import as_numbers, distance, domain, is_whole
from components.judgement.row_rules import RowRules

SLIP = 100.0
"""A slip multiplies a number by so much: two digits too many, or cents for dollars."""


@dataclass(frozen=True)
class Ordinary:
    """What stress measures itself by: the training rows' numbers.

    Args:
        fields: the contract's inputs.
        distances: number → how far apart its 5th and 95th percentile lie.
        medians: number → its median.
        whole: number → whether only whole ones are real.
        rules: what rows must keep; a row that would break one stays as it was, because it would be refused.
    """

    fields: tuple[Field, ...]
    distances: Mapping[str, float]
    medians: Mapping[str, float]
    whole: Mapping[str, bool]
    rules: RowRules = field(repr=False)

    @property
    def numbers(self) -> tuple[Field, ...]:
        """The inputs that are numbers and have a value in training."""
        return tuple(f for f in self.fields if f.name in self.distances)

    @property
    def nullable(self) -> tuple[Field, ...]:
        """The inputs that may be missing."""
        return tuple(f for f in self.fields if f.nullable)


def learn_ordinary(fields: Sequence[Field], train: Columns, rules: RowRules) -> Ordinary:
    """Measure the numbers of the training rows."""
    distances, medians, whole = {}, {}, {}
    for one in fields:
        if one.kind not in ("int", "float"):
            continue
        known = as_numbers(train[one.name])
        known = known[~np.isnan(known)]
        if len(known):
            distances[one.name] = distance(known)
            medians[one.name] = float(np.median(known))
            whole[one.name] = is_whole(one, known)
    return Ordinary(tuple(fields), distances, medians, whole, rules)


def noisy(rows: Columns, ordinary: Ordinary, level: float, rng: np.random.Generator) -> Columns:
    """Add normal noise to every number, with ``level`` of its distance as standard deviation.

    What comes out is rounded where only whole numbers are real and kept within the domain; gaps stay gaps.
    """
    stressed = dict(rows)
    for one in ordinary.numbers:
        noise = rng.normal(0.0, 1.0, len(rows[one.name])) * level * ordinary.distances[one.name]
        stressed[one.name] = _valid(rows[one.name] + noise, one, ordinary)
    return _where_allowed(rows, stressed, ordinary)


def gappy(rows: Columns, ordinary: Ordinary, level: float, rng: np.random.Generator) -> Columns:
    """Take away the share ``level`` of the values, at random.

    Inputs that may be missing go missing. Where the contract lets none be missing, numbers become the training rows'
    median instead, which is what somebody fills in who has to say something.
    """
    stressed = dict(rows)
    n = number_of_rows(rows)
    for one in ordinary.nullable or ordinary.numbers:
        gone = rng.random(n) < level
        values = rows[one.name].copy()
        if not one.nullable:
            values[gone] = ordinary.medians[one.name]
        else:
            values[gone] = None if one.kind == "category" else np.datetime64("NaT") if one.kind == "date" else np.nan
        stressed[one.name] = values
    return _where_allowed(rows, stressed, ordinary)


def slipped(rows: Columns, ordinary: Ordinary, rng: np.random.Generator) -> tuple[Columns, npt.NDArray[np.bool_]]:
    """Multiply one number of each row by ``SLIP``, and cut it to its domain.

    Returns:
        The rows, and which of them would have been refused for a number outside of its domain, shape (n,).
    """
    n, numbers = number_of_rows(rows), ordinary.numbers
    stressed, refused = dict(rows), np.zeros(n, dtype=bool)
    chosen = rng.integers(max(1, len(numbers)), size=n)
    for i, one in enumerate(numbers):
        wrong = np.where(chosen == i, rows[one.name] * SLIP, rows[one.name])
        low, high = domain(one)
        refused |= (wrong < low) | (wrong > high)
        stressed[one.name] = np.clip(wrong, low, high)
    return _where_allowed(rows, stressed, ordinary), refused


def _valid(values: FloatArray, one: Field, ordinary: Ordinary) -> FloatArray:
    return np.clip(np.rint(values) if ordinary.whole[one.name] else values, *domain(one))


def _where_allowed(rows: Columns, stressed: Columns, ordinary: Ordinary) -> Columns:
    kept = ordinary.rules.kept(stressed)
    if kept.all():
        return stressed
    return {name: np.where(kept, stressed[name], rows[name]) for name in rows}
