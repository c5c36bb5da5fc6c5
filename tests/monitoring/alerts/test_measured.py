"""No data is neither calm nor alarm."""

import pytest

from components.monitoring import calls
from components.monitoring.alerts.measured import _BY_NAME, measured
from components.monitoring.runbooks import FROM_LOOKS
from tests.monitoring.alerts.looks import NOTHING, cohort, findings, report, result

UNTOLD = {"realised": {"log_loss": NOTHING}, "estimated": {}}


@pytest.mark.parametrize(
    ("name", "subject", "changes", "told"),
    [
        ("drift", "Bank", {}, True),
        ("drift", "Bank", {"drift": None}, False),
        ("drift", "Bank", {"drift": report(result(severity="no_data", effect=None))}, False),
        ("drift", "Bank", {"drift": report(result(severity="no_data", effect=None), result(test="ks"))}, True),
        ("missing", "Bank", {"drift": report(result(severity="no_data", kind="missing"), result())}, False),
        ("drift", "left_out", {}, True),
        ("loss", "log_loss", {}, True),
        ("loss", "log_loss", {"performance": (cohort(**UNTOLD),)}, False),
        ("loss", "log_loss", {"performance": (cohort(group="State=CA"),)}, False),
        ("loss", "log_loss", {"performance": (cohort(**UNTOLD, early={"log_loss": cohort().bad_rate}),)}, True),
        ("estimated_loss", "log_loss", {"performance": (cohort(**UNTOLD),)}, False),
        ("estimate_broken", "log_loss", {}, True),
        ("estimate_broken", "log_loss", {"performance": (cohort(estimated={}),)}, False),
        ("group", "State=CA", {"performance": (cohort(group="State=CA", **UNTOLD),)}, False),
        ("group", "State=CA", {"performance": (cohort(group="State=CA"),)}, True),
        ("group", "State=NY", {}, True),
        ("fairness", "demographic_parity_ratio of sex", {}, True),
        ("outliers", "rows", {}, True),
        ("outliers", "rows", {"outlier_rate": NOTHING}, False),
        ("label_coverage", "labels", {"performance": (cohort(mature=0, labelled=0),)}, False),
        ("label_delay", "labels", {"performance": ()}, False),
        ("label_delay", "labels", {}, True),
        ("my_own", "thing", {"drift": None, "performance": ()}, True),
    ],
)
def test_whether_a_look_could_tell(name, subject, changes, told):
    assert measured(findings(**changes), name, subject) is told


def test_every_alert_that_looks_call_for_is_thought_of():
    assert set(_BY_NAME) == set(FROM_LOOKS) - {"test"}
    assert set(calls._BY_KIND.values()) <= set(_BY_NAME)
