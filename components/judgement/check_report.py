"""What a check found, in one form for all of them: figures for gates and MLflow, tables and charts for people."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from components.core.contracts import Estimate
from components.core.judging import Check


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Figure(_Value):
    """One number with its 95 % interval and the rows that it rests on."""

    name: str
    """For example ``demographic_parity_ratio``; what it means stands in the report's ``meanings``."""
    of: str = "all"
    """What it is of: ``all``, ``sex=female``, ``sex=female & marriage=single``, ``budget=0.1`` …"""
    estimate: Estimate
    """Without a value there was too little data; ``reason`` then says why."""
    reason: str = ""


def figure_of(figures: Sequence[Figure], name: str, of: str = "all") -> Figure:
    """Return one of several figures.

    Raises:
        KeyError: there is none; lists those there are.
    """
    for figure in figures:
        if (figure.name, figure.of) == (name, of):
            return figure
    raise KeyError(f"no {name} of {of}; there are: {', '.join(f'{f.name} of {f.of}' for f in figures)}")


class Table(_Value):
    """A table for people; numbers are written out."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @model_validator(mode="after")
    def _rectangular(self) -> "Table":
        wrong = [row for row in self.rows if len(row) != len(self.header)]
        if wrong:
            raise ValueError(f"table {self.title!r} has {len(self.header)} columns and the row {wrong[0]}")
        return self


class Chart(_Value):
    """A drawing for people; the model card in Markdown leaves it out."""

    title: str
    svg: str
    note: str = ""


class CheckReport(_Value):
    """What one check found of one model. Equal models, rows and settings give equal reports."""

    check: Check
    omitted: str = ""
    """Why the check was left out; everything else is then empty."""
    summary: tuple[str, ...] = ()
    """Sentences for whoever reads nothing else: what was found, with its numbers."""
    figures: tuple[Figure, ...] = ()
    meanings: dict[str, str] = {}
    """Figure → what it is, in a sentence, with its source; every figure has one."""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    data: dict[str, Any] = {}
    """What other programs read; JSON values."""

    @model_validator(mode="after")
    def _whole(self) -> "CheckReport":
        if self.omitted:
            return self
        if not self.figures:
            raise ValueError(f"check {self.check!r} reports no figure; say in omitted why it was left out")
        bare = sorted({f.name for f in self.figures} - self.meanings.keys())
        if bare:
            raise ValueError(f"check {self.check!r}: {', '.join(bare)} stands without its meaning")
        pairs = [(f.name, f.of) for f in self.figures]
        twice = sorted({f"{name} of {of}" for name, of in pairs if pairs.count((name, of)) > 1})
        if twice:
            raise ValueError(f"check {self.check!r} reports {', '.join(twice)} twice")
        return self

    def figure(self, name: str, of: str = "all") -> Figure:
        """Return one figure.

        Raises:
            KeyError: there is none; lists those there are.
        """
        return figure_of(self.figures, name, of)


AllReports = TypeAdapter(tuple[CheckReport, ...])
"""Reads and writes the reports of all checks as JSON."""
