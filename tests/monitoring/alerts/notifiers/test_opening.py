import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.monitoring.alerts.notifiers.alertmanager import AlertmanagerNotifier
from components.monitoring.alerts.notifiers.console import ConsoleNotifier
from components.monitoring.alerts.notifiers.opening import open_notifiers
from components.monitoring.alerts.notifiers.slack import SlackNotifier
from components.monitoring.alerts.notifiers.webhook import WebhookNotifier

KINDS = {
    "console": ConsoleNotifier,
    "webhook": WebhookNotifier,
    "slack": SlackNotifier,
    "alertmanager": AlertmanagerNotifier,
}


def test_those_with_an_address_are_told_and_the_console_always():
    assert list(open_notifiers(read_settings({}), print)) == ["console"]
    given = {f"FAIRLEAD_ALERT_{name.upper()}": "https://127.0.0.1/x" for name in KINDS if name != "console"}
    found = open_notifiers(read_settings(given), print)
    assert {name: type(n) for name, n in found.items()} == KINDS


def test_a_secret_address_is_not_shown_even_when_it_is_wrong():
    settings = read_settings({"FAIRLEAD_ALERT_SLACK": "hooks/T0KEN"})
    assert "T0KEN" not in repr(settings)
    with pytest.raises(FairleadError, match="FAIRLEAD_ALERT_SLACK is no address") as found:
        open_notifiers(settings, print)
    assert "T0KEN" not in str(found.value)
