"""One line of a drift report before it is judged: which test, of what, on how many rows, and what it found."""

from typing import Literal, NamedTuple

from components.monitoring.drift.effect import Effect

LineKind = Literal["numeric", "category", "prediction", "multivariate", "embedding", "missing", "schema"]


class Line(NamedTuple):
    """See ``components.monitoring.values.Drift``, which it becomes."""

    subject: str
    kind: LineKind
    test: str
    effect: Effect
    rows: tuple[int, int]
    """Of the reference, of the current window."""
    shown: bool = True
    """False: computed for its p-value alone, because the use case did not ask for the test."""
