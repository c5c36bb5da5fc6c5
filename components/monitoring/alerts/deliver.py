"""Emptying the outbox: each notifier is told in order what it has not acknowledged, until it has."""

import logging
from collections.abc import Mapping

from components.core.artifacts import one_at_a_time
from components.monitoring.alerts.notifiers.notifier import Notifier, NotTold, Reminded
from components.monitoring.alerts.store import BookStore, Waiting

logger = logging.getLogger("fairlead.alerts")


def deliver(store: BookStore, notifiers: Mapping[str, Notifier]) -> list[Waiting]:
    """Tell what waits, oldest first; return what waits still.

    One process at a time does this for a book. When it is killed between telling and noting that it has told, the event
    is sent once more, with the same id.

    A notifier that cannot be reached is left alone until the next time, so that nothing overtakes what came before; an
    event that its receiver finds fault with holds up no others, and is tried again the next time.

    Args:
        store: the book.
        notifiers: by name.
    """
    with one_at_a_time(store.path.with_name(store.path.name + ".telling")):
        down: set[str] = set()
        for waiting in store.waiting(list(notifiers)):
            if waiting.notifier in down:
                continue
            try:
                notifiers[waiting.notifier].tell(waiting.event)
            except NotTold as error:
                store.failed(waiting, str(error))
                logger.warning("alert %s is not told to %s: %s", waiting.event.key, waiting.notifier, error)
                if not error.refused:
                    down.add(waiting.notifier)
            else:
                store.acknowledge(waiting)
    return store.waiting()


def remind(store: BookStore, notifiers: Mapping[str, Notifier]) -> None:
    """Tell what stands to those notifiers that forget; that they know it already makes no difference to them."""
    forgetful = {name: n for name, n in notifiers.items() if isinstance(n, Reminded)}
    waiting = {w.notifier for w in store.waiting(list(forgetful))} if forgetful else set()
    for name, notifier in forgetful.items():
        if name in waiting:
            continue
        try:
            notifier.remind(store.told())
        except NotTold as error:
            logger.warning("%s is not reminded of what stands: %s", name, error)
