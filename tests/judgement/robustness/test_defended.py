from components.judgement.robustness.check import find_aim
from components.judgement.robustness.defended import MEANINGS, defence_section
from components.judgement.robustness.section import Section
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject
from tests.judgement.robustness.conftest import with_settings


def test_few_rows_or_no_lever_train_nothing(good: Subject) -> None:
    aim, _ = find_aim(good, RowRules([], good.bundle.contract.inputs))
    assert defence_section(good, aim) == Section()
    assert defence_section(with_settings(good, rows=200), None) == Section()


def test_three_models_are_told_beside_each_other(good: Subject) -> None:
    subject = with_settings(good, rows=100, queries=20)
    aim, _ = find_aim(subject, RowRules([], good.bundle.contract.inputs))
    section = defence_section(subject, aim)
    assert [row[0] for row in section.tables[0].rows] == ["none", "as configured", "so that no lever raises the risk"]
    assert {f.name for f in section.figures} == set(MEANINGS)
    assert {f.of for f in section.figures} == {f"constraints={name}" for name in ("none", "configured", "levers")}
    assert "constraints on 10 features" in section.summary[0]
