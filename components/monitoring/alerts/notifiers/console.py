"""A notifier that writes a line for each change: for terminals and container logs."""

from collections.abc import Callable

from components.monitoring.alerts.values import Event


class ConsoleNotifier:
    """Writes lines.

    Args:
        write: takes a line, ``click.echo`` or a logger's method.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def tell(self, event: Event) -> None:
        """Write a change as one line; control characters of a subject, which may come from a request, are left out."""
        text = f"{event.at} {event.level:<5} {event.kind}: {event.model} {event.key}: {event.summary} [{event.runbook}]"
        self._write("".join(c if c.isprintable() else " " for c in text))
