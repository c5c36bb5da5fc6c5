"""The front as a page and as tables."""

from pathlib import Path

from components.core.contracts import Estimate
from components.core.use_case import UseCase
from components.judgement.check_report import Chart, Table
from components.judgement.mitigation.drawing import dear, front_chart
from components.judgement.mitigation.lawful import BASELINE, NOT_ADVICE
from components.judgement.mitigation.mitigation_report import MitigationReport
from components.judgement.mitigation.summary import AFFORDABLE, WHAT
from components.judgement.mitigation.ways import way
from components.judgement.page import environment

TEMPLATES = Path(__file__).parent / "templates"


def front_table(report: MitigationReport) -> Table:
    """Lay the points out, one to a row."""
    rows = [
        (
            p.label,
            _points(p.gap),
            _points(p.gap_change) if p.strength else "",
            p.halved if p.strength else "",
            f"{p.auc.value or 0.0:.4f}",
            _signed(p.auc_change) if p.strength else "",
            f"{p.cost.value or 0.0:.4f}",
            _signed(p.cost_change) if p.strength else "",
            f"{p.balanced_accuracy.value or 0.0:.4f}",
            f"{100 * (p.selection_rate.value or 0.0):.1f} %",
            "yes" if p.reads_group else "no",
            " and ".join(name for name, on in (("AUC", p.on_auc_front), ("cost", p.on_cost_front)) if on),
        )
        for p in report.points
    ]
    header = (
        "way and strength",
        "gap, points",
        "change",
        "halved",
        "AUC",
        "change",
        "cost",
        "change",
        "balanced accuracy",
        "favourable",
        "reads the group",
        "on the front of",
    )
    which = "test rows" if report.folds == 1 else f"rows, each decided on without it in {report.folds} parts"
    note = (
        f"Gap in {WHAT[report.criterion]}, the widest between {', '.join(report.compared)}. Changes are against the "
        f"baseline on the same draws of the {report.rows:,} {which} ({report.rounds} rounds, seed {report.seed}). "
        f"Halved: the gap between {report.apart[0]} and {report.apart[1]} is shown to be at most half of what it was, "
        "and the widest of all is no more than half. Where there is a threshold for each group the AUC is that of the "
        "score moved by them; the score itself stays the baseline's."
    )
    return Table(title="The front", header=header, rows=tuple(rows), note=note)


def rates_table(report: MitigationReport) -> Table:
    """Lay out the rate of favourable decisions of each group under each way."""
    groups = list(report.baseline.rates)
    rows = [(p.label, *(f"{100 * p.rates[g]:.1f} %" for g in groups), p.detail) for p in report.points]
    few = "; ".join(f"{name}: {n} rows in the split with fewest" for name, n in report.too_few.items())
    return Table(
        title=f"Of each group, {WHAT[report.criterion]}",
        header=("way and strength", *groups, "found"),
        rows=tuple(rows),
        note=f"Too few rows to be compared: {few}." if few else "",
    )


def lawful_table(report: MitigationReport) -> Table:
    """Say of each way that was tried when it may be used."""
    names = [name for name in dict.fromkeys(p.way for p in report.points) if name != "baseline"]
    rows = [
        ("baseline", BASELINE),
        *((name.replace("_", " "), f"{way(name).title}: {way(name).lawful}") for name in names),
    ]
    return Table(title="When it may be used", header=("way", "statement"), rows=tuple(rows), note=NOT_ADVICE)


def chart(report: MitigationReport) -> Chart:
    """Draw the front, with what is left out of the drawing."""
    left_out = dear(report)
    note = (
        "A line joins the points that no other beats, a dashed one those that no other beats which does not know the "
        "group; numbers are strengths, bars 95 % intervals."
    )
    if left_out:
        names = ", ".join(p.label for p in left_out)
        note += f" Not drawn, since they cost more than {AFFORDABLE:g} times the baseline: {names}."
    return Chart(title="Accuracy against fairness", svg=front_chart(report), note=note)


def mitigation_page(use_case: UseCase, report: MitigationReport) -> str:
    """Write the page: one file that needs no network."""
    tables = (front_table(report), rates_table(report), lawful_table(report))
    template = environment(TEMPLATES).get_template("mitigation.html")
    return template.render(case=use_case, report=report, tables=tables, chart=chart(report))


def _points(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "no data"
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _signed(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "no data"
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
