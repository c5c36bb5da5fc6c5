"""A notifier that keeps what it is told; for tests and for the replay."""

from components.monitoring.alerts.notifiers.notifier import NotTold
from components.monitoring.alerts.values import Event


class MemoryNotifier:
    """Keeps events in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.down = ""
        """While this is not empty nothing arrives, for this reason."""

    def tell(self, event: Event) -> None:
        """Keep an event.

        Raises:
            NotTold: it is told to be down.
        """
        if self.down:
            raise NotTold(self.down)
        self.events.append(event)
