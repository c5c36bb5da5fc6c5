"""What a place for logged predictions has to do."""

from collections.abc import Sequence
from typing import Protocol

from components.core.errors import FairleadError
from components.serving.records import Record


class NotWritten(FairleadError):
    """Some records did not arrive.

    Args:
        text: why.
        records: those that may yet arrive; handed in again if there is still hope.
        refused: those that the place will never take, whatever becomes of the others.
    """

    def __init__(self, text: str, records: Sequence[Record], refused: Sequence[Record] = ()) -> None:
        super().__init__(text)
        self.records = records
        self.refused = refused


class Sink(Protocol):
    """A place for logged predictions; each has a thread of its own, which alone calls it.

    Nothing is opened before the first write, so that a place that is down keeps no server from starting.
    """

    name: str
    """What its kind is called in metrics: a short word."""
    rows: int
    """Most records of one write."""
    seconds: float
    """Longest time that a record waits for others to be written with."""

    def write(self, records: Sequence[Record]) -> None:
        """Write records; they have arrived when this returns.

        Raises:
            NotWritten: only some arrived.
            Exception: none arrived.
        """

    def close(self) -> None:
        """Let go of files and connections."""
