"""What the leakage check found, as values; needs no library that looks for it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.contracts import GateVerdict

Check = Literal["order", "pattern", "missing", "future", "one_outcome"]


class Finding(BaseModel):
    """What one check found in one column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    check: Check
    value: float | None
    """AUC, share or purity; None where there were too few rows to say."""
    threshold: float
    n: int
    leaks: bool
    excluded: bool
    """The column is kept from the model: by ``features.exclude``, or because it is the label."""
    reason: str = ""
    """Why it is excluded."""


class LeakageReport(BaseModel):
    """Every check on every column, and how many rows they saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    sampled: int
    findings: tuple[Finding, ...]
    """Empty when an outcome has too few rows for any check."""

    @property
    def flagged(self) -> tuple[str, ...]:
        """Columns that know the outcome, excluded or not."""
        return tuple(dict.fromkeys(f.column for f in self.findings if f.leaks))

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Findings that stop a run: the column knows the outcome and is not kept from the model."""
        return tuple(f for f in self.findings if f.leaks and not f.excluded)

    @property
    def verdict(self) -> GateVerdict:
        """``no_data`` when nothing could be judged, ``fail`` when a column leaks."""
        if not self.findings:
            return "no_data"
        return "fail" if self.leaks else "pass"
