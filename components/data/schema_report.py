"""What the comparison of a whole table with its schema found; needs no TFDV to be read."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.errors import FairleadError

Severity = Literal["blocking", "warning"]
Type = Literal["int", "float", "string", "date"]
Measure = Literal["l_infinity", "jensen_shannon"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnStatistics(_Value):
    """One column of the table in a few figures."""

    column: str
    type: Type
    missing: float
    """Share of the rows that have no value, 0 to 1."""
    distinct: int | None = None
    """Number of different values; strings only."""
    minimum: float | str | None = None
    """Smallest value; an ISO date where the column holds dates."""
    median: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    """The most frequent values with their number of rows; strings only."""


class Anomaly(_Value):
    """One way in which the table as a whole is not what the schema says."""

    column: str
    """Empty where the table itself is meant."""
    kind: str
    """``missing_column``, ``wrong_type``, ``unknown_values`` …"""
    reason: str
    severity: Severity


class Shift(_Value):
    """How far a column's distribution moved between two groups of rows."""

    column: str
    measure: Measure
    """Largest difference in one value's share, or Jensen-Shannon divergence to base 2; both between 0 and 1."""
    baseline: str
    compared: str
    baseline_rows: int
    compared_rows: int
    value: float | None
    """None where one of the groups holds too little to compare."""
    threshold: float
    exceeded: bool


class SchemaReport(_Value):
    """Statistics, anomalies, training/serving skew and drift of one raw table."""

    use_case: str
    as_of: date
    rows: int
    schema_file: str | None
    """The curated schema, relative to the project; None when it had to be inferred."""
    note: str
    """Where the schema comes from, in words, and what to do if it was inferred."""
    columns: tuple[ColumnStatistics, ...]
    anomalies: tuple[Anomaly, ...]
    skew: tuple[Shift, ...]
    """Rows that can train at ``as_of`` against rows after it."""
    drift: tuple[Shift, ...]
    """Each period against the one before."""

    @property
    def blocking(self) -> tuple[Anomaly, ...]:
        """The anomalies that must stop a run."""
        return tuple(a for a in self.anomalies if a.severity == "blocking")


def table(anomalies: Sequence[Anomaly]) -> str:
    """Write anomalies one to a line.

    >>> print(table([Anomaly(column="Zip", kind="missing_column", reason="is missing", severity="blocking")]))
    Zip: missing_column: is missing
    """
    return "\n".join(f"{a.column or 'table'}: {a.kind}: {a.reason}" for a in anomalies)


def require(report: SchemaReport) -> None:
    """Let a table pass whose structure is what the schema says; skew and drift never stop it.

    Raises:
        FairleadError: the table has blocking anomalies; lists them.
    """
    if report.blocking:
        raise FairleadError(
            f"the raw table of {report.use_case} is not what its schema says ({report.note})\n"
            f"{table(report.blocking)}\n"
            "Mend the table at its source or, if the new shape is right, curate the schema."
        )
