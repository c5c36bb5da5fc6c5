"""The report on a synthetic table: one value, and its text as Markdown and HTML."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.data.synthetic.guarantee import Guarantee
from components.judgement.check_report import Chart, Figure, Table, figure_of
from components.judgement.check_text import markdown_table
from components.judgement.page import environment

NOT_PRIVATE = (
    "This report compares the synthetic table with the real one and is NOT covered by the guarantee: it was computed "
    "from real rows without noise. Keep it where the real table may be."
)


class SyntheticReport(BaseModel):
    """How like, how useful and how near a synthetic table is."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    use_case: str
    title: str
    guarantee: Guarantee
    rows: int
    """Of the synthetic table."""
    learned: int
    """Real rows that the generator learned from."""
    held_out: int
    """Real rows that it did not see."""
    seconds: float | None = None
    """Time that learning and drawing took; None where it is not told."""
    summary: tuple[str, ...]
    figures: tuple[Figure, ...]
    meanings: dict[str, str]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]

    def figure(self, name: str, of: str = "all") -> Figure:
        """Return one figure.

        Raises:
            KeyError: there is none; lists those there are.
        """
        return figure_of(self.figures, name, of)

    def markdown(self) -> str:
        """Write the report as Markdown, without its charts."""
        lines = [
            f"# Synthetic table for {self.use_case}",
            "",
            *(line for s in self.summary for line in (s, "")),
            NOT_PRIVATE,
            "",
        ]
        cells = [[f.name, f.of, str(f.estimate), f.reason] for f in self.figures]
        lines += markdown_table(["figure", "of", "value [95 % interval] (rows)", "remark"], cells)
        lines += ["", *(f"- `{name}`: {meaning}" for name, meaning in self.meanings.items())]
        for table in self.tables:
            lines += ["", f"## {table.title}", "", *([table.note, ""] if table.note else [])]
            lines += markdown_table(table.header, table.rows)
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """Write the report as one HTML page that needs no network."""
        template = environment(Path(__file__).parent).get_template("synthetic.html")
        return template.render(report=self, not_private=NOT_PRIVATE)
