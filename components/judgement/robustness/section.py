"""A part of the report: what one kind of trial found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.contracts import Estimate
from components.judgement.check_report import Chart, Figure, Table


@dataclass(frozen=True)
class Section:
    """What one kind of trial adds to the report; see ``CheckReport`` for the fields."""

    summary: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def nothing(name: str, of: str, reason: str, n: int = 0) -> Figure:
    """Report a figure for which there is too little data, with the reason."""
    return Figure(name=name, of=of, estimate=Estimate(value=None, n=n), reason=reason)


def shown(estimate: Estimate, percent: bool = False) -> str:
    """Write an estimate for people.

    >>> shown(Estimate(value=0.12, low=0.07, high=0.2, n=100), percent=True)
    '12.0 % (7.0 to 20.0)'
    >>> shown(Estimate(value=None, n=3))
    'no data'
    """
    if estimate.value is None:
        return "no data"
    factor, digits, unit = (100, 1, " %") if percent else (1, 3, "")
    text = f"{factor * estimate.value:.{digits}f}{unit}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({factor * estimate.low:.{digits}f} to {factor * estimate.high:.{digits}f})"
