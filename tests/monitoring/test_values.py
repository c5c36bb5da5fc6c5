"""What findings say of themselves as a whole."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.contracts import Estimate
from components.monitoring.values import Call, Findings, Severity, Window, worst
from tests.monitoring.alerts.looks import cohort, report, result

SEVERITIES: tuple[Severity, ...] = ("no_data", "green", "amber", "red")


def findings(**changes: object) -> Findings:
    known = {
        "use_case": "sba_loans",
        "model": "sba_loans",
        "version": "1",
        "now": date(2005, 6, 30),
        "window": Window(first=date(2005, 4, 2), last=date(2005, 6, 30), rows=0),
        "drift": None,
        "performance": (),
        "expected_loss": Estimate(value=0.1, n=900),
        "outlier_rate": Estimate(value=None, n=0),
    }
    return Findings.model_validate({**known, **changes})


@settings(deadline=None)
@given(st.lists(st.sampled_from(SEVERITIES)), st.lists(st.sampled_from(SEVERITIES)))
def test_the_worst_of_both_is_the_worst_of_the_worst(one: list[Severity], other: list[Severity]) -> None:
    assert worst([*one, *other]) == worst([worst(one), worst(other)])


def test_nothing_measured_is_no_data_and_something_calm_is_green() -> None:
    assert findings().severity == "no_data"
    assert findings(drift=report(result(severity="no_data", effect=None))).severity == "no_data"
    assert findings(drift=report(result(severity="green"))).severity == "green"
    assert findings(performance=(cohort(severity="no_data"),)).severity == "no_data"
    assert findings(performance=(cohort(severity="green"),)).severity == "green"


def test_a_call_is_heard_whatever_else_was_measured() -> None:
    call = Call(name="label_delay", subject="labels", severity="amber", value=40, threshold=30, summary="late")
    assert findings(calls=(call,)).severity == "amber"
    assert call.key == "label_delay/labels"


def test_a_subject_drifted_by_any_of_its_tests() -> None:
    both = report(
        result(test="ks", severity="green"), result(test="psi", severity="amber"), result("*", severity="red")
    )
    assert both.drifted() == ("Bank", "*")
    assert [r.test for r in both.of("Bank")] == ["ks", "psi"]
