"""What a candidate has to pass before it may be registered: a section of a use case's YAML."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.core.judging import Check


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Floor(_Section):
    """An absolute gate: a metric's whole interval on one slice must clear a threshold."""

    gate: str
    metric: str
    slice: str = "all"
    """One slice, or ``*`` for every slice but ``all``, or ``year=*`` for every slice of that name. With a wildcard, a
    slice with too few rows is reported and does not block, unless no slice had enough."""
    bound: Literal["low", "value", "high"] = "value"
    """Which end of the interval has to hold."""
    minimum: float | None = None
    maximum: float | None = None
    minimum_rows: int = 200
    """Below this the verdict is ``no_data``, which blocks like a failure."""
    blocking: bool = True

    @model_validator(mode="after")
    def _one_threshold(self) -> "Floor":
        if (self.minimum is None) == (self.maximum is None):
            raise ValueError(f"gate {self.gate!r} needs exactly one of minimum and maximum")
        return self


class Champion(_Section):
    """The comparison with the reigning model on the same rows: the candidate must not be worse by more than a margin.

    A margin above 0 asks that the candidate is not worse (non-inferiority), 0 that it is shown to be at least as good,
    a margin below 0 that it is better by so much. Without a champion there is nothing to beat, and the gate says so.
    """

    metric: Literal["log_loss", "brier", "auc"] = "log_loss"
    margin: float = 0.0
    """How much worse than the champion, in the metric's own unit, the bad end of the 95 % interval may be."""
    margin_share: float | None = None
    """The same as a share of what the champion has, in place of ``margin``: one that fits good years and bad, in which
    a loss is many times as large."""
    required: bool = True
    """Whether a champion has to be compared with. False lets a run go on that cannot score it (a feature of it was
    removed, say), or has too few rows that are new to it; a candidate that was compared and is worse is stopped anyway.
    """

    @model_validator(mode="after")
    def _one_margin(self) -> "Champion":
        if self.margin and self.margin_share is not None:
            raise ValueError(f"margin {self.margin:g} and margin_share {self.margin_share:g} are both given; take one")
        return self


class Behaviour(_Section):
    """A test of the model as a function: change an input, or compare two kinds of rows, and see what the score does."""

    name: str
    kind: Literal["invariance", "increasing", "decreasing", "riskier"]
    """``riskier`` is the minimum function: rows that satisfy ``where`` score higher on average than the others."""
    column: str | None = None
    """The input to change; all kinds but ``riskier``."""
    values: tuple[str | float, ...] = ()
    """Invariance: values to put in, two or more; no row's scores under them may differ by more than ``tolerance``."""
    multiply: float | None = None
    """Increasing, decreasing: factor on the column; the mean score may move the other way by ``tolerance`` at most."""
    where: str | None = None
    """Riskier: SQL condition over the request's columns."""
    tolerance: Annotated[float, Field(ge=0)] = 1e-9
    minimum_rows: Annotated[int, Field(ge=1)] = 30
    """Below this (riskier: on either side of the condition) the verdict is ``no_data``."""
    blocking: bool = True

    @model_validator(mode="after")
    def _complete(self) -> "Behaviour":
        if self.kind == "riskier":
            given, needed = self.where is not None, "where"
        elif self.kind == "invariance":
            given, needed = self.column is not None and len(self.values) > 1, "column and two or more values"
        else:
            given, needed = self.column is not None and self.multiply is not None, "column and multiply"
        if not given:
            raise ValueError(f"behaviour {self.name!r} of kind {self.kind!r} needs {needed}")
        return self


class Limit(_Section):
    """A gate on a figure of one of the checks: an end of its interval must keep to a threshold.

    With ``bound`` at the far end (``low`` of a minimum, ``high`` of a maximum) the model has to be shown to be good; at
    the near end it is stopped only where it is shown to be bad.
    """

    gate: str
    check: Check
    figure: str
    of: str = "all"
    """What the figure is of: ``all``, ``sex=female``; or ``sex=*`` and ``*`` for each one, as with ``Floor.slice``."""
    bound: Literal["low", "value", "high"] = "value"
    minimum: float | None = None
    maximum: float | None = None
    minimum_rows: int = 1
    """Below this the verdict is ``no_data``, which blocks like a failure."""
    required: bool = True
    """False: where there is too little data, or no champion to compare with, that is told and stops nothing."""
    blocking: bool = True

    @model_validator(mode="after")
    def _one_threshold(self) -> "Limit":
        if (self.minimum is None) == (self.maximum is None):
            raise ValueError(f"gate {self.gate!r} needs exactly one of minimum and maximum")
        return self


class Gates(_Section):
    """What a candidate has to pass before it may be registered."""

    floors: tuple[Floor, ...]
    limits: tuple[Limit, ...] = ()
    champion: Champion = Champion()
    behaviour: tuple[Behaviour, ...] = ()
    latency_p95_ms: float = 100.0
    """95th percentile of a single-row call over V2 on loopback, at most."""
    parity_max_abs: float = 5e-6
    """Largest difference allowed between a probability computed offline and the same row's answer over V2."""
