"""What is ordinary: what the training rows had in each input, read from the bundle's ``reference.json``.

Two things are no oddity, or odd rows would be all there is:

- a value of a category that may be new, where training had more of them than the reference keeps
  (``components.training.reference.CATEGORIES``);
- a day later than those of training, and more in an entity's history than there was then, unless a rule names the
  input: both grow as time goes on. Of the loans of 2004 71 % are of a bank with more bad ones than any had before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from components.core.contracts import Entity, Field
from components.core.shown import shown

When = Literal["outlier", "out_of_range", "new_category", "missing"]
BoolArray = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

LISTED = 10
"""Most categories that an error lists."""

_EPOCH = date(1970, 1, 1).toordinal()
_NEVER = np.inf, -np.inf
"""Bounds that no value is within."""


@dataclass(frozen=True)
class Ordinary:
    """What the training rows had in one input.

    Args:
        field: the input.
        low: smallest value; of dates the first day, since 1970; ``inf`` where no row had a value.
        high: largest value, as ``low``.
        known: all values of a category; None where there were more than the reference keeps, and for other kinds.
        always: every row had one.
        typical: what stands in the place of an odd value, as a JSON value; None for missing.
        grows: time alone takes it beyond the largest value.
    """

    field: Field
    low: float = -np.inf
    high: float = np.inf
    known: frozenset[str] | None = None
    always: bool = False
    typical: Any = None
    grows: bool = False

    def open_above(self) -> "Ordinary":
        """Return the same without a largest value; where no row had a value, none is ordinary still."""
        return self if self.low > self.high else replace(self, high=np.inf)

    @property
    def allowed(self) -> str:
        """Say in words what is ordinary."""
        if self.field.kind == "category":
            if self.known is None:
                return "text"
            told = sorted(self.known)
            more = f" and {len(told) - LISTED} more" if len(told) > LISTED else ""
            return ", ".join(map(shown, told[:LISTED])) + more or "null"
        if self.low > self.high:
            return "null"
        low, high = self._shown(self.low), self._shown(self.high)
        return f"{low} to {high}" if high else f"from {low} on"

    def _shown(self, bound: float) -> str:
        if not np.isfinite(bound):
            return ""
        return str(date.fromordinal(int(bound) + _EPOCH)) if self.field.kind == "date" else f"{bound:.12g}"

    def odd(self, values: Array) -> Iterator[tuple[When, BoolArray]]:
        """Find odd values among n, for each way in which they may be odd."""
        if self.field.kind == "category":
            texts = values.tolist()
            if self.known is not None:
                usual = {*self.known, None}
                yield "new_category", np.fromiter((v not in usual for v in texts), bool, len(texts))
            if self.always:
                yield "missing", np.fromiter((v is None for v in texts), bool, len(texts))
            return
        if self.field.kind == "date":
            days = values.astype("datetime64[D]")
            known, numbers = ~np.isnat(days), days.astype(np.int64)
        else:
            known, numbers = ~np.isnan(values), values
        yield "out_of_range", known & ((numbers < self.low) | (numbers > self.high))
        if self.always:
            yield "missing", ~known


def ordinary(reference: Mapping[str, Any], fields: Sequence[Field], entities: Sequence[Entity] = ()) -> list[Ordinary]:
    """Read what was ordinary in training from a bundle's reference.

    Args:
        reference: content of ``reference.json``.
        fields: the inputs to read it of.
        entities: those of the contract, whose histories grow.
    """
    grows = {name for entity in entities for name in entity.history}
    return [_ordinary(f, reference["inputs"][f.name], f.kind == "date" or f.name in grows) for f in fields]


def _ordinary(field: Field, had: Mapping[str, Any], grows: bool) -> Ordinary:
    if field.kind == "category":
        counts: dict[str, int] = had["counts"]
        # Equally frequent ones by their text, so that the same reference always gives the same value.
        typical = min(counts, key=lambda v: (-counts[v], v), default=None)
        known = frozenset(counts) if not had["other"] else None
        return Ordinary(field, known=known, always=bool(counts) and not had["missing"], typical=typical)
    quantiles = had["quantiles"]
    if not quantiles:
        return Ordinary(field, *_NEVER)
    low, typical, high = quantiles[0], quantiles[len(quantiles) // 2], quantiles[-1]
    if field.kind == "date":
        low, high = (date.fromisoformat(day).toordinal() - _EPOCH for day in (low, high))
    return Ordinary(field, float(low), float(high), always=not had["missing"], typical=typical, grows=grows)
