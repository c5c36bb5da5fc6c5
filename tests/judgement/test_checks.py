import pytest

from components.core.contracts import Estimate
from components.core.errors import FairleadError
from components.core.judging import CHECKS
from components.judgement.check_report import CheckReport, Figure
from components.judgement.checks import MODULES, as_metrics, read_reports, run_check


def test_every_check_has_a_room():
    assert tuple(MODULES) == CHECKS


def test_an_unknown_check_names_those_there_are(card, card_bundle, card_dataset):
    with pytest.raises(FairleadError, match="unknown check 'luck'; allowed: explanations, recourse"):
        run_check("luck", card, card_bundle, card_dataset)


def test_a_check_that_is_left_out_says_why_and_opens_nothing(card, tmp_path):
    omitting = card.judgement.model_copy(update={"omit": {"privacy": "public rows"}})
    case = card.model_copy(update={"judgement": omitting})
    assert run_check("privacy", case, tmp_path, tmp_path) == CheckReport(check="privacy", omitted="public rows")


def test_reports_are_read_in_the_order_of_the_checks(tmp_path):
    for name in ("watermark", "explanations"):
        (tmp_path / name).write_text(CheckReport(check=name, omitted="x").model_dump_json())
    found = read_reports([tmp_path / "watermark", tmp_path / "explanations"])
    assert [r.check for r in found] == ["explanations", "watermark"]


def test_figures_become_metrics_by_what_they_are_of():
    half, third = (Estimate(value=v, low=0.0, high=1.0, n=9) for v in (0.5, 0.3))
    figures = [("rate", "sex=1", half), ("gap", "sex=1", third), ("rate", "sex=2", third)]
    report = CheckReport(
        check="fairness",
        figures=[Figure(name=name, of=of, estimate=e) for name, of, e in figures],
        meanings={"rate": "x", "gap": "y"},
    )
    one, two = as_metrics([report, CheckReport(check="privacy", omitted="x")])
    assert (one.dataset, one.slice, one.metrics) == ("fairness", "sex=1", {"rate": half, "gap": third})
    assert (two.slice, two.metrics) == ("sex=2", {"rate": third})
