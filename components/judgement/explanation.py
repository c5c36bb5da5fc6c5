"""Explanations of single scores, as values; needs no explainer to be read."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter

from components.core.contracts import Columns, FloatArray


class Decides(Protocol):
    """A model as explainers see it: a bundle, or a server that serves one."""

    def probability(self, rows: Columns, /) -> FloatArray:
        """Score n rows; returns shape (n,)."""
        ...

    def decide(self, probability: FloatArray, /) -> npt.NDArray[np.int64]:
        """Turn probabilities into decisions, 1 or 0, shape (n,)."""
        ...


class Condition(BaseModel):
    """One rule of an anchor on the values of one input, for programs.

    >>> Condition(input="amount", low=5.0).met(np.array([4.0, 5.0, np.nan])).tolist()
    [False, True, False]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str
    low: Any = None
    """Smallest value that meets it, included: a number, an ISO date, or the one category; None sets no bound."""
    high: Any = None
    """Largest value, as ``low``."""
    given: bool = True
    """False: no value meets it, only a gap does."""
    missing: bool = False
    """Whether a gap meets it."""

    def met(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Tell which values of the input, shape (n,), meet it, shape (n,)."""
        if values.dtype == object:
            gaps = np.array([v is None for v in values], dtype=bool)
        else:
            gaps = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
        inside: npt.NDArray[np.bool_] = np.full(len(values), self.given) & ~gaps
        for bound, within in ((self.low, np.greater_equal), (self.high, np.less_equal)):
            if bound is not None:
                limit = np.datetime64(bound) if values.dtype.kind == "M" else bound
                inside[inside] = within(values[inside], limit)
        inside |= gaps & self.missing
        return inside


class AnchorExplanation(BaseModel):
    """Why a row was decided as it was: rules on its values that hold the decision, whatever its other values are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    """Name of the example request."""
    probability: float
    decision: int
    """1 where the probability is at or above the bundle's threshold."""
    rules: tuple[str, ...]
    """What must hold of the row, all of it; empty where the decision hardly depends on the row."""
    conditions: tuple[Condition, ...] = ()
    """The rules once more, for programs."""
    precision: float
    """Share of the rows drawn under the rules that are decided like this one, 0 to 1."""
    coverage: float
    """Share of the background rows that the rules apply to, 0 to 1."""
    samples: int
    """How many rows were drawn and scored to find the rules."""
    sought_precision: float
    """The rules were to hold with at least this precision; ``precision`` below it says that none were found."""

    @property
    def text(self) -> str:
        """The explanation as one sentence."""
        condition = " and ".join(self.rules) if self.rules else "whatever the values are"
        few = "" if self.precision >= self.sought_precision else f", short of the {self.sought_precision:.0%} sought"
        return (
            f"{self.row}: probability {self.probability:.4f}, decision {self.decision}; {condition}: "
            f"{self.precision:.1%} of rows like that get this decision{few} (applies to {self.coverage:.1%} of rows)"
        )


AllAnchors = TypeAdapter(list[AnchorExplanation])
"""Reads and writes a list of explanations as JSON."""


class Change(BaseModel):
    """One input that a counterfactual changes; None is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str
    old: Any
    new: Any


class Counterfactual(BaseModel):
    """What would have to be otherwise for the other decision; or that no such change was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    """Name of the request."""
    probability: float
    decision: int
    found: bool
    """False says that no row tried got the other decision; all that follows is then empty."""
    feasible: bool
    """True: only inputs that may be acted on change, each in its direction, and no rule on rows is broken. False: it
    tells what speaks against the row, and is no advice."""
    changes: tuple[Change, ...]
    number_of_changes: int
    new_probability: float | None
    new_decision: int | None
    samples: int
    """How many rows were scored in the search."""

    @property
    def text(self) -> str:
        """The counterfactual as one sentence."""
        head = f"{self.row}: probability {self.probability:.4f}, decision {self.decision}"
        if not self.found:
            return f"{head}; among {self.samples} rows tried, none is decided otherwise"
        changes = ", ".join(f"{c.input} {_shown(c.old)} → {_shown(c.new)}" for c in self.changes)
        tail = "" if self.feasible else " (not in anybody's hands)"
        return f"{head}; with {changes}: probability {self.new_probability:.4f}, decision {self.new_decision}{tail}"


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)
