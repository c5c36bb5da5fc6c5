"""The page of a judgement: every gate and what each check found, as one HTML page that needs no network."""

from collections.abc import Sequence
from pathlib import Path

import jinja2

from components.core.contracts import Estimate, GateResult
from components.core.judging import TITLES
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.gates import blocks

TEMPLATES = Path(__file__).parent / "templates"


def judgement_page(
    use_case: UseCase,
    gates: Sequence[GateResult],
    reports: Sequence[CheckReport],
    subject: str = "a candidate before it is registered",
) -> str:
    """Write the page.

    Args:
        use_case: what the model is for.
        gates: what they found; none where checks were run by themselves.
        reports: of the checks.
        subject: which model it is, in words.
    """
    return (
        environment()
        .get_template("judgement.html")
        .render(
            case=use_case,
            subject=subject,
            gates=gates,
            stopped=list(dict.fromkeys(g.gate for g in gates if blocks(g))),
            reports=reports,
            titles=TITLES,
        )
    )


def environment(*folders: Path) -> jinja2.Environment:
    """Return the environment of templates, with the filters that write numbers.

    Args:
        folders: further folders with templates, looked in first.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters["estimate"] = estimate_text
    made.filters["number"] = number_text
    return made


def estimate_text(value: object) -> str:
    """Write an estimate, or its JSON form, with its interval.

    >>> estimate_text(Estimate(value=0.7123, low=0.65, high=0.75, n=1920))
    '0.712 [0.65, 0.75]'
    """
    if value is None:
        return "no data"
    e = Estimate.model_validate(value)
    if e.value is None:
        return f"no data (n = {e.n:,})"
    interval = "" if e.low is None or e.high is None else f" [{number_text(e.low)}, {number_text(e.high)}]"
    return f"{number_text(e.value)}{interval}"


def number_text(value: float | None) -> str:
    """Write a number with three digits, large ones whole."""
    # From 999.5 on, three digits would be written as 1e+03.
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
