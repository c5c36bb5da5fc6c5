import pytest

from components.core.contracts import Estimate
from components.data.synthetic.guarantee import Guarantee
from components.judgement.check_report import Chart, Figure, Table
from components.judgement.synthetic.report import NOT_PRIVATE, SyntheticReport


@pytest.fixture
def report():
    return SyntheticReport(
        use_case="shops",
        title="Which purchases are <not> paid?",
        guarantee=Guarantee(kind="plain"),
        rows=10,
        learned=8,
        held_out=2,
        summary=("Ten rows.",),
        figures=(Figure(name="copies", estimate=Estimate(value=0.25, low=0.1, high=0.5, n=8)),),
        meanings={"copies": "share of copies"},
        tables=(Table(title="Pairs", header=("a", "b"), rows=(("x", "y|z"),)),),
        charts=(Chart(title="Columns", svg="<svg></svg>"),),
    )


def test_all_of_it_stands_in_both_texts(report):
    for text in (report.markdown(), report.html()):
        assert NOT_PRIVATE in text
        for part in ("Ten rows.", "copies", "share of copies", "Pairs"):
            assert part in text
    assert "0.2500 [0.1000, 0.5000] (n=8)" in report.markdown()
    assert "<svg></svg>" in report.html()


def test_what_comes_from_a_use_case_is_text_and_no_markup(report):
    assert "are &lt;not&gt; paid" in report.html()
    assert r"y\|z" in report.markdown()


def test_it_is_read_back_as_it_was_written(report):
    assert SyntheticReport.model_validate_json(report.model_dump_json()) == report


def test_a_figure_that_is_not_there_names_those_that_are(report):
    with pytest.raises(KeyError, match="there are: copies of all"):
        report.figure("auc")
