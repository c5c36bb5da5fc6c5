"""From settings to the notifiers that they name."""

from collections.abc import Callable

from components.core.config import Settings
from components.core.errors import FairleadError
from components.monitoring.alerts.notifiers.alertmanager import AlertmanagerNotifier
from components.monitoring.alerts.notifiers.console import ConsoleNotifier
from components.monitoring.alerts.notifiers.notifier import Notifier
from components.monitoring.alerts.notifiers.slack import SlackNotifier
from components.monitoring.alerts.notifiers.webhook import WebhookNotifier

_KINDS: dict[str, Callable[..., Notifier]] = {
    "webhook": WebhookNotifier,
    "slack": SlackNotifier,
    "alertmanager": AlertmanagerNotifier,
}


def open_notifiers(settings: Settings, write: Callable[[str], object]) -> dict[str, Notifier]:
    """Make the notifiers whose address is set; nothing is connected before there is something to tell.

    Args:
        settings: ``alert_webhook``, ``alert_slack`` and ``alert_alertmanager`` are their addresses.
        write: takes the lines of the console, which is always told.

    Raises:
        FairleadError: an address is none; it is not shown, as it may hold a secret.
    """
    found: dict[str, Notifier] = {"console": ConsoleNotifier(write)}
    for name, kind in _KINDS.items():
        url = getattr(settings, f"alert_{name}")
        if not url.get_secret_value():
            continue
        if not url.get_secret_value().startswith(("http://", "https://")):
            raise FairleadError(
                f"FAIRLEAD_ALERT_{name.upper()} is no address: it has to begin with http:// or https://"
            )
        found[name] = kind(url)
    return found
