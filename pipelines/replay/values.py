"""What a replay tells: its moments, how each way of keeping a model fared, and a control in a still world."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate

Way = Literal["fairlead", "frozen", "yearly", "yearly_early", "oracle"]
"""``fairlead``: the loop. ``frozen``: the first model for ever. ``yearly``: trained anew at each turn of the year, on
mature rows, ungated. ``yearly_early``: the same on rows weighed as the loop's are. ``oracle``: at each turn of the
year, on the labels of all rows up to that day as hindsight knows them."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Moment(_Value):
    """Something that happened."""

    day: date
    kind: Literal["alarm", "cleared", "retrain", "registered", "stopped", "promoted", "rolled_back", "held"]
    """``stopped``: a gate stopped the training run."""
    severity: Literal["green", "amber", "red"] = "green"
    text: str
    name: str = ""
    """Of the alert, as its runbook is called."""
    version: str = ""


class Cohort(_Value):
    """Loans of some months."""

    first: date
    last: date
    rows: int
    bad_rate: float
    version: str
    """Of the model that answered most of them."""
    loss: Mapping[Way, Estimate]
    """Mean log loss in hindsight."""
    estimated: Estimate
    """Without labels, as told at the end of the cohort; without a value where nothing was told."""
    early: Estimate
    """By the labels known two years after the cohort's end, weighted for those that were not; the same."""


class Compared(_Value):
    """The loop beside another way, on the same loans."""

    way: Way
    loss: Estimate
    """Mean log loss of that way."""
    better_by: Estimate
    """Its loss minus the loop's, paired by loan, interval by resampling months; above 0 speaks for the loop."""
    better_by_runs: Estimate
    """The same, with the interval by resampling runs of twelve months: neighbouring months resemble each other."""


class EstimateError(_Value):
    """Estimates without labels against what came true, over cohorts."""

    cohorts: int
    correlation: Estimate
    mean_absolute_error: float | None
    """None where nothing was told of any cohort, as for the next."""
    mean_error: float | None
    broken_since: date | None
    """Day of the first look that called the estimate broken, or the probabilities that it rests on refuted; None if
    none did."""


class Control(_Value):
    """The same model and looks in a world that stands still."""

    looks: int
    rows: int
    alarms: tuple[Moment, ...]
    """Every alarm raised there; best none."""
    retrains: int


class Replayed(_Value):
    """All of a replay."""

    use_case: str
    first: date
    last: date
    rows: int
    requests: int
    failed: int
    """Requests that got no answer."""
    looks: int
    seconds: Mapping[str, float]
    """Wall seconds by what they went to."""
    moments: tuple[Moment, ...]
    cohorts: tuple[Cohort, ...]
    compared: tuple[Compared, ...]
    estimate_error: EstimateError
    control: Control
    promises: Mapping[str, bool]
    """What a replay has to show, in words, and whether it did."""
    immature: int = 0
    """Loans whose time to turn bad was not over when the table was drawn; those without a bad outcome count as good."""
    details: Mapping[str, Any] = {}
