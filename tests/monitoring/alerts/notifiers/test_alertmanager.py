from datetime import UTC, datetime

import pytest

from components.monitoring.alerts.notifiers.alertmanager import LASTS, alerts
from tests.monitoring.alerts.looks import event

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "level", "before", "found"),
    [
        ("raised", "amber", "green", [("warning", True)]),
        ("worsened", "red", "amber", [("critical", True), ("warning", False)]),
        ("eased", "amber", "red", [("warning", True), ("critical", False)]),
        ("cleared", "green", "red", [("critical", False)]),
    ],
)
def test_each_change_opens_what_is_and_ends_what_was(kind, level, before, found):
    made = alerts([event(kind, level, before)], NOW, ended=True)
    assert [(a["labels"]["severity"], a["endsAt"] == (NOW + LASTS).isoformat()) for a in made] == found
    assert all(a["endsAt"] >= NOW.isoformat() for a in made)


def test_the_labels_are_those_of_the_rules():
    (made,) = alerts([event()], NOW, ended=False)
    assert made["labels"] == {
        "alertname": "FairleadLoss",
        "severity": "critical",
        "use_case": "sba_loans",
        "model": "sba_loans",
        "alert": "loss",
        "subject": "log_loss",
    }
    assert made["annotations"]["runbook"] == "manifests/monitoring/runbooks/loss.md"
