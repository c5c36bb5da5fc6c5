"""A notifier that hands each change to Alertmanager, for its routes; where Prometheus is, use the rules instead."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from components.monitoring.alerts.notifiers.post import Post
from components.monitoring.alerts.values import Event, Level
from components.monitoring.runbooks import alert_name

LASTS = timedelta(days=40)
"""An alert that Alertmanager is not reminded of for so long is over for it: longer than a month lies between looks."""

SEVERITY = {"amber": "warning", "red": "critical"}
"""What the rules for Prometheus say, too."""


class AlertmanagerNotifier:
    """Posts to ``/api/v2/alerts``.

    Alertmanager keeps alerts in memory alone, so it is reminded at each look of what stands.

    Args:
        url: its root; may hold a password.
        clock: the present time, UTC: alerts begin and end for Alertmanager when it hears of them, whatever the day of
            the look was.
        post: how; for tests that do not want to wait.
    """

    def __init__(
        self, url: SecretStr, clock: Callable[[], datetime] = lambda: datetime.now(UTC), post: Post | None = None
    ) -> None:
        self._post = post or Post(SecretStr(url.get_secret_value().rstrip("/") + "/api/v2/alerts"))
        self._clock = clock

    def tell(self, event: Event) -> None:
        """Open the alert at its level and end what it was before.

        Raises:
            NotTold: it was not taken.
        """
        self._post(alerts([event], self._clock(), ended=True))

    def remind(self, standing: Sequence[Event]) -> None:
        """Tell of what stands, in one request.

        Raises:
            NotTold: it was not taken.
        """
        if standing:
            self._post(alerts(standing, self._clock(), ended=False))


def alerts(events: Sequence[Event], at: datetime, *, ended: bool) -> list[dict[str, Any]]:
    """Write events as Alertmanager's alerts.

    The level is a label, for routes to go by; another level is another alert, so the one before has to be ended.

    Args:
        events: changes.
        at: the present time.
        ended: end what each was before.
    """
    found = []
    for event in events:
        if event.level != "green":
            found.append(_alert(event, event.level, at + LASTS))
        if ended and event.before != "green":
            found.append(_alert(event, event.before, at))
    return found


def _alert(event: Event, level: Level, until: datetime) -> dict[str, Any]:
    return {
        "labels": {
            "alertname": alert_name(event.name),
            "severity": SEVERITY[level],
            "use_case": event.use_case,
            "model": event.model,
            "alert": event.name,
            "subject": event.subject,
        },
        "annotations": {
            "summary": event.summary,
            "runbook": event.runbook,
            "version": event.version,
            "event": event.id,
        },
        "endsAt": until.isoformat(),
    }
