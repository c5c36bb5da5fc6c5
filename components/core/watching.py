"""How a use case is watched, and when it is trained anew: two sections of its YAML."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.core.contracts import Field as Input
from components.core.contracts import Kind
from components.core.errors import FairleadError, unknown

Share = Annotated[float, Field(ge=0, le=1)]

NumericTest = Literal["ks", "psi", "wasserstein", "jensen_shannon", "kl", "cramer_von_mises"]
CategoryTest = Literal["chi_square", "psi", "jensen_shannon", "new_categories"]
LossMetric = Literal["log_loss", "brier", "auc", "calibration_error"]
Remedy = Literal["reject", "quarantine", "impute_and_flag", "pass_and_flag"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Threshold(_Section):
    """From which effect on something counts as amber, and as red; what is below is green."""

    amber: float
    red: float

    @model_validator(mode="after")
    def _in_order(self) -> "Threshold":
        if self.red < self.amber:
            raise ValueError(f"red {self.red:g} is below amber {self.amber:g}; red is the worse one")
        return self


class Drift(_Section):
    """What the newest window is compared with, and how."""

    reference: Literal["training", "rolling", "seasonal"] = "training"
    """``training``: the rows that the model was trained on; ``rolling``: the window of the same length that ended one
    window before; ``seasonal``: the same days of the year before."""
    numeric: Annotated[tuple[NumericTest, ...], Field(min_length=1)] = ("ks", "psi")
    category: Annotated[tuple[CategoryTest, ...], Field(min_length=1)] = (
        "chi_square",
        "jensen_shannon",
        "new_categories",
    )
    multivariate: tuple[Literal["domain_classifier", "pca_reconstruction", "mmd"], ...] = ("domain_classifier",)
    """Tests of all features together; ``mmd`` (alibi-detect) runs in an environment of its own."""
    thresholds: Mapping[str, Threshold] = {}
    """By test, in place of the defaults of ``components.monitoring.drift``."""
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Of all reports on a world that stands still, at most this share may name a feature."""
    minimum_rows: Annotated[int, Field(ge=2)] = 200
    """Below this, on either side, the result is ``no_data``."""


class Monitoring(_Section):
    """How a model is watched."""

    window_days: Annotated[int, Field(ge=1)] = 90
    """Each look takes the events of so many days up to it."""
    cohort_months: Annotated[int, Field(ge=1)] = 3
    """Performance is told by cohorts of so many calendar months of the event time."""
    drift: Drift = Drift()
    metrics: tuple[LossMetric, ...] = ("log_loss", "brier", "auc", "calibration_error")
    loss: LossMetric = "log_loss"
    """The metric that alarms and retraining go by; lower is better for all but ``auc``."""
    loss_rise: Threshold = Threshold(amber=0.15, red=0.35)
    """Rise of the loss over what the model had when it was judged, as a share of it."""
    minimum_coverage: Share = 0.8
    """Share of a cohort's mature rows whose label has arrived, below which its performance is not told."""
    raise_after: Annotated[int, Field(ge=1)] = 1
    """An alert is raised after so many looks in a row that call for it …"""
    clear_after: Annotated[int, Field(ge=1)] = 2
    """… and cleared after so many in a row that do not."""
    remedies: tuple["RemedyRule", ...] = ()
    """What the server does with odd rows; the first rule that fits counts. Without one: ``pass_and_flag``."""


class RemedyRule(_Section):
    """What is done with a row that is odd in one way."""

    when: Literal["outlier", "out_of_range", "new_category", "missing"]
    """``outlier``: the detector's score is above ``above`` times its threshold; the others: an input has a value that
    none of the training rows had, or lacks one that all of them had."""
    column: str | None = None
    """Of which input; None: of any. An outlier is of a row and has none."""
    above: Annotated[float, Field(ge=1)] = 1.0
    remedy: Remedy

    @model_validator(mode="after")
    def _fits(self) -> "RemedyRule":
        if self.when == "outlier" and self.column is not None:
            raise ValueError(f"an outlier is a whole row: found column {self.column!r}, allowed: none")
        if self.when == "outlier" and self.remedy == "impute_and_flag":
            raise ValueError(
                "an outlier has no value that could be replaced; allowed: reject, quarantine, pass_and_flag"
            )
        if self.when != "outlier" and self.above != 1.0:
            raise ValueError(f"above is for outliers, not for {self.when}: a value is odd or it is not")
        return self

    def __str__(self) -> str:
        what = f"{self.when} above {self.above:g}" if self.above != 1.0 else self.when
        return f"{what}{'' if self.column is None else f' of {self.column}'}: {self.remedy}"


ODD_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "out_of_range": ("int", "float", "date"),
    "new_category": ("category",),
    "missing": ("int", "float", "date", "category"),
}
"""Kinds of inputs that can be odd in each way."""


def require_inputs(rules: Sequence[RemedyRule], inputs: Sequence[Input]) -> None:
    """Check that rules are about inputs that a model has, of a kind that can be odd in that way.

    >>> rule = RemedyRule(when="out_of_range", column="Bank", remedy="reject")
    >>> require_inputs([rule], [Input(name="Bank", kind="category")])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    components.core.errors.FairleadError: remedies: out_of_range of Bank: reject: Bank is of kind category, allowed ...

    Raises:
        FairleadError: an input is unknown, or of another kind.
    """
    kinds = {field.name: field.kind for field in inputs}
    for rule in rules:
        if rule.column is None:
            continue
        if rule.column not in kinds:
            raise unknown(f"input in remedies, {rule}:", rule.column, kinds)
        if kinds[rule.column] not in ODD_KINDS[rule.when]:
            raise FairleadError(
                f"remedies: {rule}: {rule.column} is of kind {kinds[rule.column]}, allowed for {rule.when}: "
                f"{', '.join(ODD_KINDS[rule.when])}"
            )


class Window(_Section):
    """Which rows a model trained anew learns from."""

    policy: Literal["expanding", "sliding", "decaying"] = "expanding"
    months: Annotated[int, Field(ge=1)] | None = None
    """Sliding: how far back; decaying: after so many months a row counts half."""

    @model_validator(mode="after")
    def _complete(self) -> "Window":
        if (self.policy == "expanding") != (self.months is None):
            raise ValueError(f"window {self.policy!r}: months is for sliding and decaying, and they need it")
        return self

    def __str__(self) -> str:
        return self.policy if self.months is None else f"{self.policy} {self.months} months"


class Retraining(_Section):
    """When a model is trained anew, and on what."""

    triggers: tuple[Literal["drift", "performance", "schedule"], ...] = ("drift", "performance")
    pressure: Annotated[float, Field(gt=0)] = 1.0
    """A run is started when drift times importance, or the loss beyond its budget, reaches this; see
    ``components.retraining.policy`` for how it is counted."""
    cool_down_days: Annotated[int, Field(ge=0)] = 90
    """Between two training dates."""
    most_per_year: Annotated[int, Field(ge=1)] = 4
    """Runs within any 365 days: what they may cost."""
    minimum_new_labels: Annotated[int, Field(ge=0)] = 200
    """Labels that became known since the last training date; fewer would teach nothing new."""
    schedule_months: Annotated[int, Field(ge=1)] | None = None
    """With the trigger ``schedule``: a run at the latest so many months after the last one."""
    immature: Literal["exclude", "weigh"] | None = None
    """What the runs that are started do with rows whose time still runs; None: what ``labels.immature`` says. A first
    model can wait for labels to mature, one that has to follow a change cannot."""
    windows: Annotated[tuple[Window, ...], Field(min_length=1)] = (Window(),)
    """The windows to choose from; where there are several, a backtest on what was known decides."""

    @model_validator(mode="after")
    def _complete(self) -> "Retraining":
        if ("schedule" in self.triggers) != (self.schedule_months is not None):
            raise ValueError("the trigger schedule and schedule_months need each other")
        return self
