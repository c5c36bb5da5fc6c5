"""What the alert book keeps: alerts, their changes, and silences."""

from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from components.monitoring.values import Call

Level = Literal["green", "amber", "red"]
LEVELS: tuple[Level, ...] = ("green", "amber", "red")
"""From calm to bad."""

Kind = Literal["raised", "worsened", "eased", "cleared"]


def rank(level: Level) -> int:
    """Number a level, so that levels can be compared.

    >>> rank("green"), rank("amber"), rank("red")
    (0, 1, 2)
    """
    return LEVELS.index(level)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Alert(_Value):
    """One alert of one model as it stands; a green one that nobody needs to be told of is forgotten."""

    use_case: str
    model: str
    key: str
    """``NAME/SUBJECT`` of the calls that it is made from."""
    level: Level = "green"
    """With hysteresis applied; a single look may have called for something else."""
    told: Level = "green"
    """What the notifiers know."""
    recent: tuple[Level, ...] = ()
    """What the last looks called for, the newest last."""
    since: date | None = None
    """Day of the look with which it left green."""
    seen: date | None = None
    """Day of the last look that could tell."""
    call: Call | None = None
    """The last call that was made for it."""


class Silence(_Value):
    """Somebody's word that an alert need not be told of for some time."""

    number: int
    pattern: str
    """A key such as ``drift/Bank``, or a pattern of keys: ``drift/*``, ``*/Bank``."""
    model: str = "*"
    """A model, or a pattern of models."""
    until: date
    """The last day on which it holds."""
    author: str
    reason: str
    lifted_by: str = ""
    """Who ended it before its time; empty while nobody has."""

    def covers(self, model: str, key: str, now: date) -> bool:
        """Whether it holds for an alert at the end of a day.

        >>> mine = Silence(number=1, pattern="drift/*", until=date(2005, 6, 30), author="anna", reason="new form")
        >>> mine.covers("sba", "drift/Bank", date(2005, 6, 30)), mine.covers("sba", "drift/Bank", date(2005, 7, 1))
        (True, False)
        """
        if self.lifted_by or now > self.until:
            return False
        return _fits(self.model, model) and _fits(self.pattern, key)


class Event(_Value):
    """One change of one alert; nothing changes or removes it."""

    id: str = Field(min_length=1)
    """The same however often the event is sent, so that who receives it twice can pass over the second."""
    at: date
    """Day of the look."""
    kind: Kind
    use_case: str
    model: str
    version: str
    """Of the champion at that time."""
    name: str
    """Of the alert and of its runbook."""
    subject: str
    level: Level
    """From now on."""
    before: Level
    """Where ``tell``: what the notifiers knew before; otherwise what the alert was before."""
    value: float
    """Of the last call for it, like the threshold."""
    threshold: float
    summary: str
    since: date
    """Day with which the alert left green."""
    runbook: str
    """Path of its runbook in the tree."""
    tell: bool
    """Whether notifiers are told."""
    silenced: str = ""
    """Why they are not, where a silence keeps it from them: who, until when, for what reason."""

    @property
    def key(self) -> str:
        """``NAME/SUBJECT``, as the alert's."""
        return f"{self.name}/{self.subject}"


def _fits(pattern: str, text: str) -> bool:
    # As it stands first: a subject may have brackets in it, which mean something in a pattern.
    return pattern == text or fnmatchcase(text, pattern)
