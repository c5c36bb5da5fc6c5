"""What retraining decides: values that go from the findings of a look to a training run and its record."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.watching import Window


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Past(_Value):
    """What has been done so far, all that a decision may depend on beside the findings."""

    trained: tuple[date, ...]
    """Training dates of the runs that were started, the reigning model's among them, old to new."""
    new_labels: int
    """Labels that became known since the last of them."""
    running: str = ""
    """Key of a run or a rollout that has not ended; empty when there is none."""


class Decision(_Value):
    """Whether to train anew, and why."""

    action: Literal["retrain", "wait"]
    reasons: tuple[str, ...]
    """In plain words with figures: what called for it, and what held it back."""
    trigger: str = ""
    """``drift``, ``performance`` or ``schedule``; empty when waiting."""
    pressure: float
    """The largest of the triggers' pressures; at ``Retraining.pressure`` a run is due."""
    as_of: date
    """Training date: nothing known later is used."""
    key: str
    """The same for the same use case, training date and model: one run, however often it is asked for."""
    window: Window = Window()


class Run(_Value):
    """One training run that a decision has started."""

    key: str
    decision: Decision
    state: Literal["started", "registered", "stopped", "failed", "rolling_out", "promoted", "rolled_back"]
    """``stopped``: a gate stopped it; ``failed``: it broke."""
    version: str = ""
    """The registered version, once there is one."""
    reason: str = ""
