"""A check's report as Markdown, for the model card."""

from collections.abc import Sequence

from components.judgement.check_report import CheckReport


def check_lines(report: CheckReport) -> list[str]:
    """Write what a check found: its summary, every figure with interval and rows, its tables.

    >>> from components.judgement.check_report import CheckReport
    >>> check_lines(CheckReport(check="fairness", omitted="no people in the data"))
    ['Left out: no people in the data']
    """
    if report.omitted:
        return [f"Left out: {report.omitted}"]
    lines = [*report.summary, ""]
    rows = [[f.name, f.of, str(f.estimate), f.reason] for f in report.figures]
    lines += markdown_table(["figure", "of", "value [95 % interval] (rows)", "remark"], rows)
    lines += ["", *(f"- `{name}`: {meaning}" for name, meaning in report.meanings.items())]
    for table in report.tables:
        lines += ["", f"### {table.title}", "", *([table.note, ""] if table.note else [])]
        lines += markdown_table(table.header, table.rows)
    return lines


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table, or the word none where it has no rows."""
    if not rows:
        return ["none"]
    cells = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]
