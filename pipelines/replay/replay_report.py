"""The report of a replay: one HTML page, generated from its record, that needs no network."""

from pathlib import Path

import jinja2

from components.core.contracts import Estimate
from pipelines.replay import charts
from pipelines.replay.values import Replayed

TEMPLATES = Path(__file__).parent / "templates"

NOTHING = "no data"


def write_report(found: Replayed, target: Path) -> None:
    """Write the page.

    Args:
        found: the record.
        target: the page.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"interval": _interval, "range": _range, "figure": _figure}
    page = environment.get_template("replay.html").render(
        found=found,
        ways={way: name for way, (name, _) in charts.WAYS.items()},
        kept=sum(found.promises.values()),
        losses=charts.losses(found),
        estimates=charts.estimates(found.cohorts),
        alarms=charts.alarms(found),
    )
    target.write_text(page, encoding="utf-8")


def _interval(estimate: Estimate, digits: int = 4) -> str:
    if estimate.value is None:
        return NOTHING
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} {_range(estimate, digits)}"


def _range(estimate: Estimate, digits: int = 4) -> str:
    if estimate.low is None or estimate.high is None:
        return NOTHING
    return f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def _figure(value: float | None, form: str) -> str:
    return NOTHING if value is None else form % value
