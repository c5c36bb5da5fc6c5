"""A notifier that posts each change as JSON to an address of one's own."""

from typing import Any

from pydantic import SecretStr

from components.monitoring.alerts.notifiers.post import Post
from components.monitoring.alerts.values import Event

SCHEMA = "fairlead.alert/1"


class WebhookNotifier:
    """Posts events.

    The header ``Idempotency-Key`` and the field ``id`` are the same each time that an event is sent.

    Args:
        url: where to; may hold a secret.
        post: how; for tests that do not want to wait.
    """

    def __init__(self, url: SecretStr, post: Post | None = None) -> None:
        self._post = post or Post(url)

    def tell(self, event: Event) -> None:
        """Post an event.

        Raises:
            NotTold: it was not taken.
        """
        self._post(payload(event), {"idempotency-key": event.id})


def payload(event: Event) -> dict[str, Any]:
    """Write an event as the JSON that is posted; a value without end is null there."""
    document = event.model_dump(mode="json", exclude={"tell", "silenced"})
    return {"schema": SCHEMA, "key": event.key, **document}
