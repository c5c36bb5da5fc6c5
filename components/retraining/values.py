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
    newest: str = ""
    """Key of the newest run, whether it has ended or not; empty before the first."""


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
    after: str = ""
    """Key of the newest run that was known when it was decided: one that was overtaken by another starts nothing."""


State = Literal[
    "decided", "started", "registered", "stopped", "failed", "rolling_out", "promoted", "rolled_back", "given_up"
]
"""``decided``: nothing runs yet. ``started``: it is training. ``registered``: a version passed every gate. ``stopped``:
a gate stopped it. ``failed``: it broke. ``rolling_out``: the version is getting traffic, or waits for its approval.
``promoted``: it reigns. ``rolled_back``: it does not. ``given_up``: an operator ended it."""

ENDED: tuple[State, ...] = ("stopped", "failed", "promoted", "rolled_back", "given_up")


class Run(_Value):
    """One training run that a decision has started."""

    key: str
    use_case: str
    decision: Decision
    champion: str = ""
    """The version that reigned when it was decided; empty when there was none."""
    state: State
    version: str = ""
    """The registered version, once there is one."""
    reason: str = ""
    """Why it is in this state."""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ENDED


class Step(_Value):
    """One state that a run has reached."""

    state: State
    day: date
    """When, by the clock of whoever watches: in a replay, the day that is replayed."""
    version: str = ""
    reason: str = ""


class Progress(_Value):
    """What a runner says of a training run, or of its rollout."""

    state: Literal["absent", "running", "registered", "stopped", "failed", "promoted", "rolled_back"]
    """``absent``: the runner knows nothing of it, so that it may be started."""
    version: str = ""
    reason: str = ""
