"""A rule over several columns of one row."""

from pydantic import BaseModel, ConfigDict


class Rule(BaseModel):
    """An expectation over several columns of one row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    column: str
    """The column that a breach is put down to."""
    expect: str
    """SQL condition over columns of the table; a row breaks the rule where it is false (unknown counts as kept)."""
