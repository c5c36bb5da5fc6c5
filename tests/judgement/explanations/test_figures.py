from components.core.contracts import Estimate
from components.core.gating import Limit
from components.judgement.check_report import CheckReport, Figure
from components.judgement.explanations.figures import MEANINGS, ONE_METHOD, figures
from components.judgement.explanations.measured import NO_CHAMPION, Measured
from components.judgement.limits import judge_limit

SHIFT = {"explanation_rank_correlation", "sign_flips", "explanation_shift", "unexplained_shift", "largest_share_shift"}


def _by_name(found: Measured) -> dict[tuple[str, str], Figure]:
    return {(f.name, f.of): f for f in figures(found)}


def test_every_meaning_is_of_a_figure_and_every_figure_has_one(first: Measured, second: Measured) -> None:
    for found in (first, second):
        assert {f.name for f in figures(found)} == set(MEANINGS)


def test_without_a_champion_the_shift_is_no_data(first: Measured) -> None:
    told = [f for f in figures(first) if f.name in SHIFT]
    assert {f.name for f in told} == SHIFT
    assert all(f.estimate == Estimate(value=None, n=0) and f.reason == NO_CHAMPION for f in told)


def test_with_a_champion_it_has_its_intervals(second: Measured) -> None:
    for name in SHIFT:
        found = _by_name(second)[name, "all"].estimate
        assert found.low <= found.value <= found.high


def test_what_a_line_does_not_have_is_told(second: Measured) -> None:
    found = _by_name(second)["method_agreement", "all"]
    assert (found.estimate.value, found.reason) == (None, ONE_METHOD)


def test_features_and_groups_are_named(first: Measured) -> None:
    names = set(_by_name(first))
    assert {("importance", f"feature={f}") for f in first.explained.features} <= names
    assert ("score_gap", "NewExist=1") in names
    assert ("local_accuracy", "method=tree_shap_interventional") in names


def test_gates_can_read_them(first: Measured) -> None:
    report = CheckReport(check="explanations", figures=figures(first), meanings=MEANINGS)
    good = Limit(gate="adds_up", check="explanations", figure="local_accuracy", maximum=1e-5)
    moved = Limit(gate="moved", check="explanations", figure="unexplained_shift", maximum=0.5)
    steady = Limit(gate="steady", check="explanations", figure="stability", bound="low", minimum=2)
    assert [judge_limit(limit, [report])[0].verdict for limit in (good, moved, steady)] == ["pass", "no_data", "fail"]
