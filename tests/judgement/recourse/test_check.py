from dataclasses import replace

import pytest

from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.recourse.check import check
from components.judgement.subject import Subject
from tests.judgement.recourse.conftest import at_threshold


@pytest.fixture(scope="module")
def report(subject: Subject) -> CheckReport:
    return check(subject)


def test_figures_say_what_was_found_of_how_many(report: CheckReport) -> None:
    assert report.figure("recourse_found").estimate.n == 10
    assert report.figure("reasons_stable").estimate.n == 100
    assert 0.5 < (report.figure("reasons_cover").estimate.value or 0) <= 1
    assert [f.of for f in report.figures if f.name == "recourse_in_time"] == ["periods=1", "periods=2"]
    now, in_all = report.figure("recourse_found").estimate.value, report.figure("recourse_in_all").estimate.value
    assert (in_all or 0) >= (now or 0)
    assert report.figure("reasons_protected").estimate.value == 0
    assert {f.of for f in report.figures if f.name == "recourse_found"} >= {"all", "UrbanRural=urban"}
    assert report.figure("anchor_precision").reason.startswith("anchors are looked for in the environment explain")
    assert len(report.data["letters"]) == len(report.tables[0].rows) > 0
    assert "Why\n1. " in report.data["letters"][0]["text"]
    assert "(95 % interval" in report.summary[0]


def test_equal_subjects_give_equal_reports(subject: Subject, report: CheckReport) -> None:
    assert check(replace(subject)).model_dump_json() == report.model_dump_json()


def test_a_line_is_checked_as_trees_are(line: Subject) -> None:
    found = check(line)
    assert found.figure("reasons_cover").estimate.value is not None
    assert found.figure("recourse_feasible").estimate.value in (1, None)


def test_nobody_declined_is_no_data_and_said(subject: Subject) -> None:
    found = check(at_threshold(subject, 2.0))
    assert all(f.estimate.value is None and f.reason for f in found.figures)
    assert found.figure("recourse_found").reason == "not enough data: 0 declined rows, needs 5"
    assert found.summary == (
        f"None of {len(subject.test):,} test rows is declined: nobody is owed reasons or a way out.",
    )


def test_everybody_declined_leaves_reasons_and_no_way_out(subject: Subject) -> None:
    found = check(at_threshold(subject, 0.0))
    assert found.figure("recourse_found").estimate.value == 0
    assert found.figure("recourse_feasible").estimate.value is None
    assert found.figure("reasons_cover").estimate.value is not None
    assert "None of the changes" in found.data["letters"][0]["text"]


def test_nothing_actionable_leaves_nobody_a_way_out(subject: Subject, case: UseCase) -> None:
    nothing = case.model_copy(update={"explanations": case.explanations.model_copy(update={"actionable": ()})})
    found = check(replace(subject, use_case=nothing))
    assert found.figure("recourse_found").estimate.value == 0
    assert found.summary[0] == "The use case names no input that may be acted on, so nobody has a way out."
    assert found.figure("recourse_sparsity").estimate.value is None
