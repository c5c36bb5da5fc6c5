from dataclasses import replace

from components.judgement.check_report import CheckReport
from components.judgement.robustness.shifted import shift_section
from components.judgement.subject import Subject


def test_the_worst_stands_on_top_of_the_table(good_report: CheckReport) -> None:
    table = next(t for t in good_report.tables if t.title == "Shifted populations")
    worst = good_report.figure("loss_under_shift", "worst").estimate.value
    assert table.rows[0][0] == good_report.data["worst_loss"]
    assert table.rows[0][3] == f"{worst:.3f}"
    assert [row[3] for row in table.rows] == sorted((row[3] for row in table.rows), reverse=True)


def test_the_worst_auc_is_below_the_clean_one(good_report: CheckReport) -> None:
    clean = float(next(t for t in good_report.tables if t.title == "Stress").rows[0][1].split()[0])
    worst = good_report.figure("auc_under_shift", "worst").estimate
    assert worst.value is not None
    assert worst.value < clean


def test_labels_of_one_kind_are_no_data(good: Subject) -> None:
    subject = replace(good)
    subject.__dict__["test"] = replace(good.test, labels=good.test.labels * 0)
    section = shift_section(subject)
    assert {f.estimate.value for f in section.figures} == {None}
    assert "needs 10 of each outcome" in section.figures[0].reason
