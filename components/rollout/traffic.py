"""Traffic as a value, and the one interface behind which every traffic plane stands."""

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

Variant = Literal["stable", "candidate"]
"""The reigning model, and the one that wants to take its place."""

VARIANTS: tuple[Variant, ...] = ("stable", "candidate")


class Traffic(BaseModel):
    """How requests are shared out.

    >>> Traffic(candidate=5).stable
    95
    >>> Traffic(candidate=101)
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: 1 validation error for Traffic
    ...
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: int = 0
    """Percentage of the requests that the candidate answers, 0 to 100; the stable model answers the others."""
    mirror: Variant | None = None
    """Who gets a copy of every request that the other one answers; its answers go nowhere but into the log."""

    @model_validator(mode="after")
    def _sound(self) -> "Traffic":
        if not 0 <= self.candidate <= 100:
            raise ValueError(f"candidate's weight {self.candidate} found, allowed: 0 to 100 percent")
        answers_all = {0: "stable", 100: "candidate"}.get(self.candidate)
        if self.mirror is not None and answers_all in (None, self.mirror):
            raise ValueError(f"mirror to {self.mirror!r} asks that the other variant answers every request")
        return self

    @property
    def stable(self) -> int:
        """Percentage of the requests that the stable model answers."""
        return 100 - self.candidate


class Plane(Protocol):
    """Whatever shares requests out: a proxy on this machine, a controller of a cluster, a dictionary in a test."""

    def apply(self, traffic: Traffic) -> None:
        """Bring the traffic about; doing it twice is doing it once.

        Raises:
            FairleadError: it could not be brought about; what was in force before still is.
        """
        ...

    def current(self) -> Traffic | None:
        """Return what is in force as the plane itself reports it; None when it cannot be reached or says nothing."""
        ...

    def healthy(self) -> Mapping[Variant, bool]:
        """Say which variants can answer now."""
        ...

    def finish(self, winner: Variant) -> None:
        """Make a variant the stable one: it answers everything, and the other may be taken away."""
        ...
