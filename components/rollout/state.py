"""Where a rollout stands, what is seen at one look, and what was decided: three values, and nothing that acts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from components.rollout.plan import Plan
from components.rollout.samples import Evidence
from components.rollout.traffic import Traffic, Variant

Phase = Literal[
    "starting",
    "running",
    "paused",
    "awaiting_approval",
    "watching",
    "promoting",
    "promoted",
    "rolled_back",
    "aborted",
]
"""``starting``: the candidate has not answered yet and gets nothing. ``running``: it is being compared.
``awaiting_approval``: it has earned the promotion, someone has to approve. ``watching``: blue-green after the switch,
the old one is kept warm. ``promoting``: all is earned and approved, and the registry has not yet made it reign; until
it has, the weights stay, and guardrails and operators may still take it back. ``paused``: weights stand still,
guardrails do not. The others are final."""

FINAL: tuple[Phase, ...] = ("promoted", "rolled_back", "aborted")

LIVE: tuple[Phase, ...] = ("starting", "running", "paused", "awaiting_approval", "watching", "promoting")

Kind = Literal[
    "hold", "begin", "step", "weigh", "await", "switch", "earn", "pause", "resume", "promote", "roll_back", "abort"
]
"""What a decision does. ``begin``: first traffic; ``step``: next weight; ``weigh``: a bandit's new weight; ``switch``:
all traffic to the candidate, with the old one watching; ``earn``: nothing is missing, the registry is to make it reign;
``promote``: it reigns; ``hold`` changes nothing."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Wish(_Value):
    """What an operator asks for; it is a record, and the next look decides what comes of it."""

    number: Annotated[int, Field(ge=1)]
    """Place among the rollout's records; a wish is taken up once."""
    kind: Literal["pause", "resume", "promote", "abort"]
    actor: str
    at: AwareDatetime
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.actor} at {self.at:%Y-%m-%d %H:%M:%S} UTC" + (f": {self.reason}" if self.reason else "")


class Rollout(_Value):
    """What was started: which candidate against which stable model, by which plan."""

    id: str
    plan: Plan
    stable: str
    """URI of the reigning model, ``models:/sba_loans/1``."""
    candidate: str
    plane: str
    """Name of the traffic plane."""
    actor: str
    """Who started it."""
    started: AwareDatetime


class State(_Value):
    """Where a rollout stands. All that ``decide`` remembers from one look to the next is in here."""

    rollout: str
    phase: Phase
    started: AwareDatetime
    step_started: AwareDatetime
    """When the present step began: a canary's weight, blue-green's switch, the wait for an approval or the registry."""
    step: Annotated[int, Field(ge=0)] = 0
    """Place in ``plan.steps``."""
    traffic: Traffic = Traffic()
    step_requests: Annotated[int, Field(ge=0)] = 0
    """Requests that the candidate had been given when the step began."""
    looks: Annotated[int, Field(ge=0)] = 0
    """How often was looked, this time included."""
    reason: str = ""
    """Why it stands here."""
    approval: str | None = None
    """Id of the approval that the promotion rests on."""
    earned: str = ""
    """Why the promotion is earned; empty until it is."""
    wish: Annotated[int, Field(ge=0)] = 0
    """Number of the last wish that was taken up."""
    resumes: Phase | None = None
    """Paused: the phase to go back to."""
    paused_by: str = ""
    """Paused: by whom, when and why."""

    @property
    def final(self) -> bool:
        """Whether it is over."""
        return self.phase in FINAL


class Observation(_Value):
    """What one look saw. Missing is not zero: a variant that is not named was not seen."""

    at: AwareDatetime
    requests: Mapping[Variant, int] = {}
    """Requests that each variant was given since the rollout began, copies sent to a mirror included. Those that the
    candidate was given and failed are among them, also where the stable model has answered in its place."""
    failures: int = 0
    """Requests that the candidate has failed since the rollout began."""
    evidence: Mapping[str, Evidence] = {}
    """Evidence by metric; a metric that is not named has no data."""
    healthy: Mapping[Variant, bool] = {}
    """Which variants can answer now; one that is not named is not known to be ill or well."""
    approval: str | None = None
    """Id of an approval that was given for this candidate and is not used."""
    refusal: str | None = None
    """Who refused the approval since the rollout began, and why; None while nobody has."""
    wish: Wish | None = None
    """The oldest wish that was not taken up."""
    promoted: bool = False
    """Whether the registry has made the candidate reign, on the approval that this rollout rests on."""
    lost: str = ""
    """Why the record could not be kept for a while, in which the stable model answered; empty while it is kept."""

    @property
    def seen(self) -> int:
        """Requests that the candidate was given."""
        return self.requests.get("candidate", 0)


class Decision(_Value):
    """What comes of one look: the next state with the traffic in it, and why."""

    kind: Kind
    state: State

    @property
    def traffic(self) -> Traffic:
        """What has to be in force from now on."""
        return self.state.traffic

    @property
    def reason(self) -> str:
        """Why, in words, with the numbers."""
        return self.state.reason


def begin(rollout: Rollout) -> State:
    """Return the state before the first look: the candidate gets nothing until it can answer.

    Args:
        rollout: what was started.
    """
    return State(
        rollout=rollout.id,
        phase="starting",
        started=rollout.started,
        step_started=rollout.started,
        reason=f"started by {rollout.actor}: {rollout.candidate} against {rollout.stable}",
    )


def minutes(earlier: datetime, later: datetime) -> float:
    """Return the minutes between two instants.

    >>> from datetime import UTC
    >>> minutes(datetime(2026, 1, 1, 10, 0, tzinfo=UTC), datetime(2026, 1, 1, 10, 1, 30, tzinfo=UTC))
    1.5
    """
    return (later - earlier).total_seconds() / 60
