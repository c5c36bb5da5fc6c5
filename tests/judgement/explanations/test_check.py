import json
from dataclasses import replace

import pytest

from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.checks import run_check
from components.judgement.explanations.check import charts, check, data, summary
from components.judgement.explanations.figures import CONSTANT
from components.judgement.explanations.measured import Measured
from components.judgement.subject import Subject
from components.training.calibration import Calibration


@pytest.fixture(scope="module")
def report(small_case: UseCase, trees, small_dataset) -> CheckReport:
    return run_check("explanations", small_case, trees.path, small_dataset)


def test_equal_subjects_give_equal_reports(report: CheckReport, small_case: UseCase, trees, small_dataset) -> None:
    again = run_check("explanations", small_case, trees.path, small_dataset)
    assert again.model_dump_json() == report.model_dump_json()


def test_a_report_is_read_back_as_it_was_written(report: CheckReport) -> None:
    assert CheckReport.model_validate_json(report.model_dump_json()) == report


def test_the_summary_tells_features_and_figures(report: CheckReport, second: Measured) -> None:
    text = " ".join(report.summary)
    assert next(iter(report.data["importance"])) in text
    assert "no champion to compare with" in text
    assert f"{report.figure('deletion').estimate.value:.2f}" in text
    assert "of the contributions moved" in " ".join(summary(second))


def test_there_is_a_chart_of_each_thing(second: Measured, report: CheckReport) -> None:
    titles = [c.title for c in report.charts]
    assert titles[:3] == ["Importance", "Dependence", "Deletion and insertion"]
    assert sum(t.startswith("A row of ") for t in titles) == 3
    assert charts(second)[-1].title == "From the champion to this model"


def test_programs_read_importance_in_order(first: Measured) -> None:
    found = json.loads(json.dumps(data(first), allow_nan=False))
    sizes = [f["mean_abs_shap"] for f in found["importance"].values()]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(f["share"] for f in found["importance"].values()) == pytest.approx(1)


def test_a_model_that_gives_every_row_the_same_score_is_told_as_such(small_case, trees, small_dataset) -> None:
    flat = replace(trees, calibration=Calibration(slope=0.0, intercept=-1.0))
    found = check(Subject(small_case, flat, small_dataset, champion=trees))
    assert "no feature moves the scores" in found.summary[0]
    for name in ("deletion", "insertion", "importance_stability", "method_agreement"):
        assert found.figure(name).estimate.value is None
        assert found.figure(name).reason == CONSTANT
    assert found.figure("explanation_shift").estimate.value == pytest.approx(1)
    assert all(row["share"] is None for row in found.data["importance"].values())
    assert "nan" not in " ".join(cell for table in found.tables for row in table.rows for cell in row)
