from dataclasses import replace

from components.judgement.check_report import CheckReport
from components.judgement.robustness.attacked import MEANINGS, attack_section
from components.judgement.robustness.check import find_aim
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject


def test_any_attack_finds_at_least_what_each_finds(good_report: CheckReport, brittle_report: CheckReport) -> None:
    for report in (good_report, brittle_report):
        each = [report.figure("attack_success", of).estimate for of in ("hop_skip_jump", "boundary", "zoo", "greedy")]
        together = report.figure("attack_success").estimate
        assert together.n == 40
        assert together.value >= report.figure("attack_success", "budget=0.1").estimate.value  # type: ignore[operator]
        assert together.value >= max(e.value for e in each)  # type: ignore[type-var]
        assert report.data["refused_examples"] == dict.fromkeys(report.data["refused_examples"], 0)


def test_the_curve_rises(brittle_report: CheckReport) -> None:
    curve = [f.estimate.value for f in brittle_report.figures if f.of.startswith("budget=")]
    assert len(curve) == 4
    assert curve == sorted(curve)  # type: ignore[type-var]


def test_every_figure_and_the_ways_are_told(brittle_report: CheckReport) -> None:
    assert set(MEANINGS) <= set(brittle_report.meanings)
    attacks, levers, examples = brittle_report.tables[:3]
    assert [row[0] for row in attacks.rows] == ["hop_skip_jump", "boundary", "zoo", "greedy", "any of them"]
    assert [row[:2] for row in levers.rows] == [("paid_sep", "up"), ("bill_sep", "down"), ("delay_sep", "down")]
    assert "paid_sep" in examples.rows[0][0]
    assert "40 rightly flagged test rows" in brittle_report.summary[0]
    assert brittle_report.charts[0].svg.startswith("<svg")


def test_where_all_rows_are_decided_alike_there_is_no_data(good: Subject) -> None:
    contract = good.bundle.contract.model_copy(update={"threshold": 1.0})
    lenient = replace(good, bundle=replace(good.bundle, contract=contract))
    aim, why_not = find_aim(lenient, RowRules([], contract.inputs))
    found = {f.name: f for f in attack_section(lenient, aim, why_not).figures}
    assert found["attack_success"].estimate.value is found["median_queries"].estimate.value is None
    assert "0 test rows are rightly flagged, needs 10" in found["attack_success"].reason
    # The other way there is something to say: nobody gets flagged.
    assert found["reverse_attack_success"].estimate.value == 0
