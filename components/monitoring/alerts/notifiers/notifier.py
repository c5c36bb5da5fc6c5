"""What a receiver of alerts has to do."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from components.core.errors import FairleadError
from components.monitoring.alerts.values import Event


class NotTold(FairleadError):
    """A receiver has not taken an event; it is told again later. Its text never holds an address, which may be secret.

    Args:
        text: why.
        refused: it was reached, and found fault with the event.
    """

    def __init__(self, text: str, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class Notifier(Protocol):
    """Somebody who is told of changes."""

    def tell(self, event: Event) -> None:
        """Tell of a change; it has arrived when this returns.

        After a crash the same event may come twice: its ``id`` goes along, for the receiver to see that.

        Raises:
            NotTold: it may not have arrived.
        """
        ...


@runtime_checkable
class Reminded(Protocol):
    """A notifier that forgets what it is not told again."""

    def remind(self, standing: Sequence[Event]) -> None:
        """Tell of everything that stands, each by the last change that was told of it.

        Raises:
            NotTold: it may not have arrived.
        """
        ...
