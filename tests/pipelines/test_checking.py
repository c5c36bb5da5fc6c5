"""Checks of a registered version: the limits that are about them decide, and the page tells what was found."""

from components.core.contracts import Estimate
from components.core.gating import Limit
from components.judgement.check_report import CheckReport, Figure
from pipelines.checking import check_version, limits_on
from tests.pipelines.conftest import Finished


def test_only_limits_on_what_was_checked_decide(card):
    share = Figure(name="membership_auc", estimate=Estimate(value=0.5, low=0.4, high=0.6, n=100))
    report = CheckReport(check="privacy", figures=(share,), meanings={"membership_auc": "x"})
    limits = (
        Limit(gate="no_memory", check="privacy", figure="membership_auc", bound="low", maximum=0.45),
        Limit(gate="parity", check="fairness", figure="demographic_parity_ratio", of="sex", minimum=0.8),
    )
    case = card.model_copy(update={"gates": card.gates.model_copy(update={"limits": limits})})
    (found,) = limits_on(case, [report])
    assert (found.gate, found.verdict) == ("no_memory", "pass")


def test_a_version_is_checked_and_stopped_by_a_limit_of_the_use_case_at_hand(finished: Finished, tmp_path, in_home):
    """The gates of the file that is handed in count, not those of the day on which it was registered."""
    text = (in_home / "strict.yaml").absolute()
    from components.core.use_case import SHIPPED

    shipped = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    limit = "  limits: [{gate: steady, check: explanations, figure: stability, bound: low, minimum: 1.1}]\n"
    text.write_text(shipped.replace("gates:\n", f"gates:\n{limit}", 1), encoding="utf-8")
    dataset, page = finished.run.artifact("label_rows", "dataset"), tmp_path / "page.html"
    lines: list[str] = []
    passed = check_version(
        finished.settings, str(text), "1", ["explanations"], lines.append, tmp_path / "scratch", dataset, page
    )
    assert not passed
    assert any("steady" in line and "FAIL" in line for line in lines)
    assert "stopped by steady" in page.read_text(encoding="utf-8")
