import pytest
from pydantic import ValidationError

from components.core.contracts import Estimate
from components.judgement.check_report import AllReports, CheckReport, Figure, Table

RATE = Figure(name="rate", of="sex=1", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=9))


def test_a_report_says_something_or_why_not():
    with pytest.raises(ValidationError, match="reports no figure"):
        CheckReport(check="fairness")
    assert CheckReport(check="fairness", omitted="nobody in the data").figures == ()


def test_a_figure_without_its_meaning_and_one_that_stands_twice_are_refused():
    with pytest.raises(ValidationError, match="rate stands without its meaning"):
        CheckReport(check="fairness", figures=(RATE,))
    with pytest.raises(ValidationError, match="rate of sex=1 twice"):
        CheckReport(check="fairness", figures=(RATE, RATE), meanings={"rate": "x"})


def test_a_ragged_table_is_refused():
    with pytest.raises(ValidationError, match="has 2 columns and the row"):
        Table(title="t", header=("a", "b"), rows=(("1",),))


def test_figures_are_found_by_name_and_reports_survive_json():
    report = CheckReport(check="fairness", figures=(RATE,), meanings={"rate": "x"})
    assert report.figure("rate", "sex=1") is report.figures[0]
    with pytest.raises(KeyError, match="there are: rate of sex=1"):
        report.figure("rate")
    assert AllReports.validate_json(AllReports.dump_json((report,))) == (report,)
