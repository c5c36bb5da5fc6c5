from dataclasses import replace

import pytest

from components.judgement.check_report import CheckReport
from components.judgement.robustness.stressed import stress_section
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject
from tests.judgement.robustness.conftest import with_settings


def test_more_noise_turns_more_decisions(good_report: CheckReport) -> None:
    turned = [good_report.figure("decisions_flipped", f"noise={level}").estimate.value for level in (0.01, 0.05, 0.1)]
    assert turned == sorted(turned)  # type: ignore[type-var]


def test_a_clients_group_is_no_number_and_stands_apart_from_stress(good_report: CheckReport) -> None:
    assert good_report.data["gaps_in"] == []
    assert "filled in with the training median" in good_report.meanings["auc_under_missing"]
    table = next(t for t in good_report.tables if t.title == "Stress")
    assert [row[0] for row in table.rows] == [
        "none",
        "noise=0.01",
        "noise=0.05",
        "noise=0.1",
        "missing=0.05",
        "missing=0.2",
        "out_of_range",
    ]


def test_no_noise_changes_nothing(good: Subject) -> None:
    section = stress_section(with_settings(good, noise=(0.0,), missing=()), RowRules([], good.bundle.contract.inputs))
    found = {(f.name, f.of): f.estimate for f in section.figures}
    assert found["auc_drop", "noise=0"].value == 0
    assert found["decisions_flipped", "noise=0"].value == 0


def test_labels_of_one_kind_give_no_auc_and_say_why(good: Subject) -> None:
    subject = replace(good)
    subject.__dict__["test"] = replace(good.test, labels=good.test.labels * 0)
    section = stress_section(subject, RowRules([], good.bundle.contract.inputs))
    drops = [f for f in section.figures if f.name == "auc_drop"]
    assert {f.estimate.value for f in drops} == {None}
    assert "0 bad and" in drops[0].reason
    assert section.charts == ()
    assert next(f for f in section.figures if f.of == "noise=0.1").estimate.n == pytest.approx(len(good.test))
