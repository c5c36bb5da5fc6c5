"""The report of a replay: one HTML page, generated from its record, that needs no network."""

from pathlib import Path

import jinja2

from components.core.contracts import Estimate
from pipelines.replay import charts
from pipelines.replay.values import Cohort, Replayed

TEMPLATES = Path(__file__).parent / "templates"

NOTHING = "no data"

HEAD = 160
"""Characters of a reason that are told at once."""


def write_report(found: Replayed, target: Path) -> None:
    """Write the page.

    Args:
        found: the record.
        target: the page.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"interval": _interval, "value": _value, "range": _range, "figure": _figure, "head": _head}
    page = environment.get_template("replay.html").render(
        found=found,
        ways={way: name for way, (name, *_) in charts.WAYS.items()},
        cells=_cells,
        kept=sum(found.promises.values()),
        losses=charts.losses(found),
        estimates=charts.estimates(found),
        alarms=charts.alarms(found),
    )
    target.write_text(page, encoding="utf-8")


def _interval(estimate: Estimate, digits: int = 4) -> str:
    if estimate.value is None:
        return NOTHING
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} {_range(estimate, digits)}"


def _head(text: str) -> tuple[str, str]:
    """Part a text into what is told at once, whole words, and the rest."""
    first, _, rest = text.strip().partition("\n")
    if len(first) > HEAD:
        cut = first.rfind(" ", 0, HEAD) if " " in first[:HEAD] else HEAD
        first, rest = first[:cut], f"{first[cut:].lstrip()}\n{rest}"
    return first, rest.strip()


def _cells(cohort: Cohort) -> list[Estimate]:
    return [*(cohort.loss[way] for way in charts.WAYS), cohort.estimated, cohort.early]


def _value(estimate: Estimate, digits: int = 4) -> str:
    return _figure(estimate.value, f"%.{digits}f")


def _range(estimate: Estimate, digits: int = 4) -> str:
    if estimate.low is None or estimate.high is None:
        return NOTHING
    return f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def _figure(value: float | None, form: str) -> str:
    return NOTHING if value is None else form % value
