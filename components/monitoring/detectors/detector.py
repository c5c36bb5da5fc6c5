"""What a detector is: it sees one value after the other, and says when the stream is no longer what it was."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from components.core.errors import FairleadError

State = Literal["quiet", "warning", "drift"]

Direction = Literal["up", "both"]
"""``up``: only a rise counts, as of a loss; ``both``: a fall counts too, as of the share of rows decided 1."""

Wants = Literal["zero_or_one", "unit", "number"]
"""What a detector can make sense of: 0 and 1 alone, numbers from 0 to 1, or any finite number."""


@dataclass(frozen=True)
class Baseline:
    """What a stream is held to by detectors that need to be told; the others learn it from the stream's beginning.

    Args:
        mean: of the stream as it was judged, in the stream's unit.
        tolerated: how far the mean may be beyond that without being called drift, in the same unit; at least 0. What is
            not known for sure of ``mean`` belongs in here.

    Raises:
        FairleadError: a value is no finite number, or ``tolerated`` is below 0.
    """

    mean: float
    tolerated: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.tolerated) and self.tolerated >= 0):
            raise FairleadError(
                f"baseline with mean {self.mean} and tolerated {self.tolerated}; allowed: finite numbers, tolerated at "
                "least 0"
            )


class Detector(ABC):
    """Sees one value after the other. It depends on the values alone, in their order, and on no clock and no chance.

    So a restart is survived by replay: a new one that is shown the same values is in the same state. Where they come
    from, the prediction log and the outcomes, is kept anyway, and no state of a library has to be.

    Args:
        wants: what values it can make sense of.
    """

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._state: State = "quiet"
        self._n = 0

    @property
    def state(self) -> State:
        """What the last value led to."""
        return self._state

    @property
    def n(self) -> int:
        """Values seen since the beginning."""
        return self._n

    def update(self, value: float) -> State:
        """See one value more.

        Raises:
            FairleadError: the value is no number, or not one that this detector can make sense of; nothing has changed.
        """
        self._state = self._see(require(value, self._wants))
        self._n += 1
        return self._state

    def run(self, values: Iterable[float]) -> list[int]:
        """See values one after the other; return the numbers of those, from 0, at which drift was found.

        A detector that stays in drift is counted where it got there. Detectors that forget what was before a drift
        begin anew with the next value, and may find another one.
        """
        found = []
        for i, value in enumerate(values):
            before = self._state
            if self.update(value) == "drift" and before != "drift":
                found.append(i)
        return found

    @abstractmethod
    def _see(self, value: float) -> State:
        """Take in a value that has been checked, and say what it leads to."""


def require(value: float, wants: Wants) -> float:
    """Return the value as a float where a detector can make sense of it.

    >>> require(True, "zero_or_one")
    1.0

    Raises:
        FairleadError: it cannot.
    """
    number = float(value)
    if not math.isfinite(number):
        raise FairleadError(f"value {value} is no finite number; leave rows without a value out of the stream")
    if wants == "zero_or_one" and number not in (0.0, 1.0):
        raise FairleadError(f"value {value}; allowed: 0 or 1, as of errors and decisions")
    if wants == "unit" and not 0.0 <= number <= 1.0:
        raise FairleadError(f"value {value}; allowed: 0 to 1; divide by the largest value that counts, and clip")
    return number
