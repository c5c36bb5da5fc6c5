from components.core.contracts import Estimate
from components.judgement.check_report import CheckReport, Figure, Table
from components.judgement.check_text import check_lines, markdown_table


def test_every_figure_table_and_meaning_is_written():
    figure = Figure(name="rate", of="sex=1", estimate=Estimate(value=None, n=1), reason="1 row, needs 100")
    table = Table(title="Groups", header=("a|b",), rows=(("x",),), note="by hand")
    report = CheckReport(check="fairness", summary=("All is well.",), figures=(figure,), meanings={"rate": "a share"})
    text = "\n".join(check_lines(report.model_copy(update={"tables": (table,)})))
    for said in ("All is well.", "| rate | sex=1 | no data (n=1) | 1 row, needs 100 |", "- `rate`: a share"):
        assert said in text
    assert "### Groups\n\nby hand\n\n| a\\|b |\n| --- |\n| x |" in text


def test_a_table_without_rows_is_one_word():
    assert markdown_table(["a"], []) == ["none"]
