"""What explanations may propose, and how people are told: a section of a use case's YAML."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from components.core.row_rule import Rule


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Actionable(_Section):
    """An input that whoever asks could change, so that a counterfactual may propose it."""

    column: str
    direction: Literal["any", "increase", "decrease"] = "any"
    """Which way it may be changed; ``increase`` and ``decrease`` are for numbers and dates."""
    values: tuple[str, ...] = ()
    """What a category may be changed to; without them, to any value that the background rows have."""


class Reason(_Section):
    """What is told of features of one subject where they are why a case was declined; they count as one reason."""

    features: tuple[str, ...]
    text: str
    """A sentence for whoever is no data scientist. ``{bill_sep:,.0f}`` puts in an input's or a feature's value,
    ``{typical_use:.0%}`` the median of a feature among approved cases."""
    texts: dict[str, str] = {}
    """Feature → a sentence in place of ``text`` where this feature counted most."""
    where: str = ""
    """SQL condition over features; of a case for which it does not hold the sentence is untrue, and is not told."""


class Moving(_Section):
    """One number that is recorded period by period."""

    columns: tuple[str, ...]
    """Inputs, the newest period first."""
    becomes: str
    """SQL over numbers among the inputs: what the next period reads."""


class Course(_Section):
    """How a case goes on that keeps to what was agreed: what time does for those who were declined."""

    moving: tuple[Moving, ...]
    text: str
    """A sentence; ``{periods}`` puts in after how many the decision becomes the other one."""


class Explanations(_Section):
    """What explanations may propose, and what is told to people."""

    actionable: tuple[Actionable, ...] = ()
    """Counterfactuals that can be acted on change these inputs and no other."""
    rules: tuple[Rule, ...] = ()
    """What proposals keep beside ``data.rules``: rules that a few rows of the table break."""
    course: Course | None = None
    reasons: dict[str, Reason] = {}
    """Subject → what is told of it. A feature without one is told by its name, its value and what is typical."""
    words: dict[str, str] = {}
    """Input or feature → what it is called in a letter."""
    declined: str = ""
    """The decision 1 in a sentence."""
    contact: str = ""
    """Whom to ask; without it the owner."""
