"""What a lint found in one place of one object."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning", "info"]
"""``error``: requests will not be shared out as written. ``warning``: it depends. ``info``: what will happen."""


class Finding(BaseModel):
    """One finding: where, what was found, what would have been right, and the way out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Severity
    subject: str
    """Kind and name of the object."""
    field: str
    found: str
    allowed: str = ""
    way_out: str = ""
    file: str = ""

    def __str__(self) -> str:
        """Write as one line.

        >>> print(Finding(severity="error", subject="HTTPRoute a", field="spec.rules", found="17", allowed="16 rules"))
        error: HTTPRoute a: spec.rules: 17; allowed: 16 rules
        """
        where = f"{self.file}: " if self.file else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        way_out = f". {self.way_out}" if self.way_out else ""
        return f"{self.severity}: {where}{self.subject}: {self.field}: {self.found}{allowed}{way_out}"
