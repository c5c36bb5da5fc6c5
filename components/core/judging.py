"""What is judged of a model beyond its metrics: a section of a use case's YAML."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Check = Literal["explanations", "recourse", "fairness", "robustness", "privacy", "watermark"]
"""The checks by name; each is a step of the pipeline, a section of the report and of the model card."""

CHECKS: tuple[Check, ...] = get_args(Check)

TITLES: dict[Check, str] = {
    "explanations": "What moves the scores",
    "recourse": "Why a case is declined, and what would change it",
    "fairness": "Decisions between groups of people",
    "robustness": "Under attack and under stress",
    "privacy": "What the model gives away of its rows",
    "watermark": "The mark that it is ours",
}
"""What the sections are called."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Attribute(_Section):
    """A column by which people are told apart, and the groups that it makes."""

    column: str
    groups: dict[str, tuple[str, ...]] = {}
    """Categories: group → values of the column that belong to it. Without it every value is a group of its own."""
    cuts: tuple[float, ...] = ()
    """Numbers: each band reaches from one cut up to the next, which belongs to the next band."""
    privileged: str = ""
    """The group that the others are held against; without it the one with the largest share of good decisions."""

    @model_validator(mode="after")
    def _groups_are_apart(self) -> "Attribute":
        if self.groups and self.cuts:
            raise ValueError(f"attribute {self.column!r}: groups are for categories, cuts for numbers; take one")
        if list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError(f"attribute {self.column!r}: cuts {list(self.cuts)} do not rise")
        values = [v for members in self.groups.values() for v in members]
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            raise ValueError(f"attribute {self.column!r}: {', '.join(twice)} stands in two groups; take it out of one")
        return self


class Fairness(_Section):
    """Between which groups decisions are compared."""

    attributes: tuple[Attribute, ...] = ()
    intersections: tuple[tuple[str, str], ...] = ()
    """Pairs of attributes whose groups are also looked at together."""
    minimum_rows: Annotated[int, Field(ge=2)] = 100
    """A group with fewer rows gives no data."""
    minimum_of_outcome: Annotated[int, Field(ge=1)] = 20
    """Rates among rows of one outcome need so many of it in the group."""
    maximum_proxy_auc: Annotated[float, Field(ge=0.5, le=1)] = 0.8
    """Said of an attribute in the report: features that tell it apart better than this stand in for it."""


class Explaining(_Section):
    """How explanations are measured."""

    background: Annotated[int, Field(ge=10, le=1_000)] = 100
    """Rows that interventional Shapley values average over."""
    quality_rows: Annotated[int, Field(ge=10)] = 200
    """Rows on which their quality is measured."""


class Recourse(_Section):
    """How declined cases are explained."""

    rows: Annotated[int, Field(ge=1)] = 50
    """Declined test rows for which a way out is sought, drawn by ``training.seed``."""
    samples: Annotated[int, Field(ge=100)] = 2_000
    """Rows scored at most in the search for one of them."""


class Robustness(_Section):
    """How hard a model is pushed."""

    rows: Annotated[int, Field(ge=1)] = 100
    """Test rows attacked, drawn by ``training.seed`` among those that are decided rightly."""
    queries: Annotated[int, Field(ge=10)] = 500
    """Scores that an attack may ask for, for each row."""
    budget: Annotated[float, Field(gt=0)] = 0.1
    """How far an attack may move each actionable number, as a share of the distance between its 5th and 95th percentile
    in training."""
    noise: tuple[float, ...] = (0.01, 0.05, 0.1)
    """Stress: noise on all numbers, as a share of the same distance."""
    missing: tuple[float, ...] = (0.05, 0.2)
    """Stress: shares of the cells that go missing where they may."""


class Privacy(_Section):
    """What an outsider may learn from the model."""

    rows: Annotated[int, Field(ge=100)] = 2_000
    """Rows of training, and as many that the model has not seen, that an attacker tries to tell apart."""
    sensitive: tuple[str, ...] = ()
    """Columns that an attacker tries to infer from the score."""


class Watermarking(_Section):
    """The mark by which a model is recognised as ours."""

    triggers: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Marks that are put in at training; 0 trains without."""
    maximum_false_positive: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    """A model is ours when an innocent one would match so well with at most this probability."""


class Mitigation(_Section):
    """Ways of mitigation that are tried beside one another; nothing is decided by it."""

    attribute: str = ""
    """Column of one of ``fairness.attributes``; empty tries nothing."""
    criterion: Literal["demographic_parity", "equal_opportunity"] = "demographic_parity"
    ways: tuple[Literal["reweighing", "without_proxies", "constrained", "one_threshold", "group_thresholds"], ...] = (
        "reweighing",
        "without_proxies",
        "constrained",
        "one_threshold",
        "group_thresholds",
    )
    strengths: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.5, 0.75, 1.0)
    """How hard each tries; 1 aims at no gap at all."""
    folds: Annotated[int, Field(ge=1)] = 1
    """1 measures on the test split; more on all rows, cut into so many parts (rows that are shuffled alone)."""


class Judging(_Section):
    """What is judged, and how."""

    explanations: Explaining = Explaining()
    recourse: Recourse = Recourse()
    fairness: Fairness = Fairness()
    robustness: Robustness = Robustness()
    privacy: Privacy = Privacy()
    watermark: Watermarking = Watermarking()
    mitigation: Mitigation = Mitigation()
    omit: dict[Check, str] = {}
    """Checks that are left out, each with its reason, which the report and the model card tell."""
