from dataclasses import replace

from components.judgement.robustness.check import find_aim
from components.judgement.robustness.compared import NAME, NO_CHAMPION, comparison_section
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject
from tests.judgement.robustness.conftest import without_levers


def test_without_a_champion_there_is_no_data(good: Subject) -> None:
    (figure,) = comparison_section(good, None, "no lever").figures
    assert (figure.name, figure.estimate.value, figure.reason) == (NAME, None, NO_CHAMPION)


def test_without_levers_the_reason_is_told(good: Subject) -> None:
    subject = without_levers(replace(good, champion=good.bundle))
    (figure,) = comparison_section(subject, *find_aim(subject, RowRules([], ()))).figures
    assert figure.estimate.value is None
    assert "names no input" in figure.reason


def test_a_model_is_not_worse_than_itself(good: Subject) -> None:
    subject = replace(good, champion=good.bundle)
    section = comparison_section(subject, *find_aim(subject, RowRules([], good.bundle.contract.inputs)))
    estimate = section.figures[0].estimate
    assert (estimate.value, estimate.n) == (0.0, 40)
    assert estimate.high is not None
    assert 0 < estimate.high < 0.1
    assert "On 40 rows that both rightly flag" in section.summary[0]
