"""The traffic plane in this process: draws a variant for each request, for tests and simulations."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from components.core.errors import FairleadError
from components.rollout.cohort import cohort
from components.rollout.traffic import VARIANTS, Traffic, Variant


@dataclass(frozen=True, slots=True)
class Drawn:
    """Who gets one request.

    Args:
        chosen: for whom it was drawn.
        answered: who answers it: the stable model steps in for a candidate that is down; None when nobody can.
        mirrored: who gets a copy.
        share: the candidate's weight in force, 0 to 100.
    """

    chosen: Variant
    answered: Variant | None
    mirrored: Variant | None
    share: int


class MemoryPlane:
    """Does what the proxy on one machine does, without a request.

    Args:
        seed: of the draws.
        salt: mixed into keys, so that another rollout draws other keys.
    """

    def __init__(self, seed: int = 7, salt: str = "") -> None:
        self._random = random.Random(seed)  # noqa: S311  shares requests out, keeps no secret
        self._salt = salt
        self._traffic = Traffic()
        self._down: set[Variant] = set()
        self._has_candidate = True
        self.drawn: Counter[Variant] = Counter()
        self.applied: list[Traffic] = []
        """Every change of traffic, in order."""

    def apply(self, traffic: Traffic) -> None:
        """Bring the traffic about."""
        if (traffic.candidate or traffic.mirror == "candidate") and not self._has_candidate:
            raise FairleadError(f"{traffic!r} needs a candidate, and there is none; call admit() first")
        if traffic != self._traffic:
            self.applied.append(traffic)
        self._traffic = traffic

    def current(self) -> Traffic | None:
        """Return what is in force."""
        return self._traffic

    def healthy(self) -> Mapping[Variant, bool]:
        """Say which variants are there and not down."""
        return {v: v not in self._down and (v == "stable" or self._has_candidate) for v in VARIANTS}

    def finish(self, winner: Variant) -> None:
        """Make a variant the stable one; there is no candidate afterwards."""
        if winner == "candidate" and "candidate" in self._down:
            raise FairleadError("the candidate cannot win: it is down")
        self.apply(Traffic())
        self._has_candidate = False
        self._down.discard("candidate")

    def admit(self) -> None:
        """Bring in a candidate."""
        self._has_candidate = True

    def take_down(self, variant: Variant, *, down: bool = True) -> None:
        """Let a variant fail, or come back."""
        (self._down.add if down else self._down.discard)(variant)

    def draw(self, key: str | None = None) -> Drawn:
        """Draw who gets the next request.

        Args:
            key: requests with the same key go to the same variant while weights stay; None draws by chance.
        """
        number = self._random.randrange(100) if key is None else cohort(key, self._salt)
        chosen: Variant = "candidate" if number < self._traffic.candidate else "stable"
        answered: Variant | None = chosen
        if chosen in self._down or (chosen == "candidate" and not self._has_candidate):
            answered = "stable" if chosen == "candidate" and "stable" not in self._down else None
        self.drawn[chosen] += 1
        return Drawn(chosen, answered, self._traffic.mirror, self._traffic.candidate)
