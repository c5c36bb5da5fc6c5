"""A use case as data: one YAML file that says what the table is, what is predicted and what stops a release."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.core.contracts import Kind
from components.core.errors import FairleadError, unknown
from components.core.explaining import Explanations
from components.core.gating import Gates
from components.core.judging import Judging
from components.core.row_rule import Rule
from components.core.watching import Monitoring, Retraining, Window

SHIPPED = Path(__file__).parents[2] / "pipelines" / "use_cases"
"""Folder of the use cases that ship; each file is named after its use case."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Section):
    """What a column of the raw table must look like, row by row."""

    kind: Kind
    nullable: bool = False
    unique: bool = False
    minimum: float | None = None
    """Smallest value allowed, included; numbers only, as ``maximum``."""
    maximum: float | None = None
    earliest: date | None = None
    """First day allowed, included; dates only, as ``latest``. An input's is asked of requests too."""
    latest: date | None = None
    """Last day allowed in the table, included. Requests are not held to it: they come later than the table."""
    values: tuple[str, ...] | None = None
    """The closed domain of a category."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> "Column":
        if self.kind not in ("int", "float") and not (self.minimum is None and self.maximum is None):
            raise ValueError(f"minimum and maximum are for numbers, not for kind {self.kind}; dates: earliest, latest")
        if self.kind != "date" and not (self.earliest is None and self.latest is None):
            raise ValueError(f"earliest and latest are for dates, not for kind {self.kind}; numbers: minimum, maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        if self.earliest is not None and self.latest is not None and self.earliest > self.latest:
            raise ValueError(f"earliest {self.earliest} is after latest {self.latest}")
        return self


class Data(_Section):
    """The raw table."""

    source: str
    """Path, ``gs://…``, ``s3://…`` or ``sample://FILE`` for a table that ships; parquet or CSV by its ending."""
    sha256: str | None = None
    """Content hash of the source; checked when given."""
    row_id: str
    event_time: str
    """Column with the time at which a prediction would have been asked for."""
    known_until: date | None = None
    """The day the table was drawn: outcomes are known up to it, and no date may lie after it, except in columns with a
    ``latest`` of their own (a day that is planned, say). Without it outcomes count as known up to the last event. It
    speaks of one table: change it with the source, and leave it out where the source grows."""
    columns: dict[str, Column]
    """Every column; one that is missing, or one too many, is an error."""
    drop: tuple[str, ...] = ()
    """Columns to leave behind at the door (leftovers of an export)."""
    rules: tuple[Rule, ...] = ()
    datasheet: str = ""
    """Where the table comes from, who is in it and what it must not be used for: Markdown, or ``sample://FILE`` for one
    that ships. It goes into the model card, which is not written without it."""
    quarantine_limit: Share
    """The run stops when a larger share of the rows breaks an expectation."""


class Labels(_Section):
    """When, and as what, an outcome counts."""

    outcome: str
    """Column with the final outcome: 1 bad, 0 good; known only in hindsight."""
    outcome_time: str
    """Column with the time at which a bad outcome became known."""
    maturity_months: Annotated[int, Field(ge=1)]
    """A row is bad when its bad outcome came within so many months of its event time, and good when that time has
    passed without one. Before that it has no label."""
    immature: Literal["exclude", "weigh"] = "exclude"
    """What becomes of rows whose time still runs. ``weigh``: they take part with the outcomes known so far, weighted
    for those not known yet by how older rows' outcomes came in over time (``components.training.development``)."""
    minimum_developed: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Weigh: rows of which a smaller share of the bad outcomes should be known by now are excluded."""


class Entity(_Section):
    """A thing with a history: its prior rows and bad outcomes are features, as known at the time."""

    name: str
    column: str
    window_months: Annotated[int, Field(ge=1)]
    """How far back its history counts."""


class Exclusion(_Section):
    """A column that must not become a feature."""

    column: str
    reason: str


class Features(_Section):
    """What the model sees."""

    inputs: tuple[str, ...]
    """Columns of the raw table that a client sends with a request."""
    entities: tuple[Entity, ...]
    names: tuple[str, ...]
    """Features by name, from the use case's catalogue in ``components.features``."""
    exclude: tuple[Exclusion, ...] = ()


class Leakage(_Section):
    """How the leakage check decides that a column knows the outcome."""

    maximum_auc: Share = 0.85
    """No single column may separate the outcomes better than this; a copy of the outcome with one row in ten wrong
    does so by 0.9."""
    maximum_future_share: Share = 0.05
    """No date column may lie after the event time in more than this share of the rows that have a date."""
    maximum_purity: Annotated[float, Field(gt=0.5, le=1)] = 0.99
    """No column may be filled (or empty) for one outcome alone: with both outcomes weighted alike, at most this share
    of the filled (or empty) rows may have the same outcome."""
    sample: Annotated[int, Field(ge=1)] = 50_000
    """Rows to look at, drawn by ``training.seed``."""


class Mitigated(_Section):
    """What training does against unfairness; what each way gives and takes is told by ``fairlead mitigate``."""

    way: Literal["reweighing"] = "reweighing"
    """``reweighing``: rows count so that outcomes hang together with no group (Kamiran and Calders 2012)."""
    attribute: str
    """Column by whose groups; they are those of ``judgement.fairness``, where it stands there too."""
    strength: Annotated[float, Field(gt=0, le=2)] = 1.0
    """1 evens the outcomes out, less does part of it, more goes beyond."""


class Training(_Section):
    """How models are made and which is taken."""

    algorithms: tuple[Literal["xgboost", "logistic"], ...] = ("xgboost", "logistic")
    split: Literal["time", "shuffled"] = "time"
    """``time``: the model learns on the oldest rows and is judged on the newest. ``shuffled``: by the hash of the row's
    id, for a table without a course of time; what is measured then says nothing of the future."""
    calibration_share: Share = 0.15
    """Latest-but-one part of the mature rows: early stopping, calibration and threshold."""
    test_share: Share = 0.2
    """Latest part of the mature rows: every gate decides on it."""
    cost_false_negative: float
    """Cost of letting a bad row pass, in the unit of ``cost_false_positive``."""
    cost_false_positive: float
    window: Window = Window()
    """Which rows it learns from."""
    increasing: tuple[str, ...] = ()
    """Features with which the risk may only rise (XGBoost's monotone constraints; the baseline is left free)."""
    segments: tuple[str, ...] = ()
    """Columns by whose values metrics are also told."""
    mitigation: Mitigated | None = None
    """What is done against unfairness; nothing without it."""
    bootstrap_rounds: int = 500
    seed: int = 7


class UseCase(_Section):
    """One use case, read from ``pipelines/use_cases/NAME.yaml`` or from a file of the user's own."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    owner: str = ""
    """Who answers for it: a team or an address; shown in the feature registry."""
    intended_use: Annotated[str, Field(min_length=1)]
    """What the model is for, and who decides with it; goes into the model card."""
    limits: Annotated[tuple[str, ...], Field(min_length=1)]
    """What it must not be used for, and where it is known to be weak; goes into the model card."""
    as_of: date
    """Default training date: nothing known later is used."""
    data: Data
    labels: Labels
    features: Features
    leakage: Leakage = Leakage()
    training: Training
    gates: Gates
    explanations: Explanations = Explanations()
    judgement: Judging = Judging()
    monitoring: Monitoring = Monitoring()
    retraining: Retraining = Retraining()

    @model_validator(mode="after")
    def _columns_exist(self) -> "UseCase":
        named = {
            "data.row_id": [self.data.row_id],
            "data.event_time": [self.data.event_time],
            "data.rules": [r.column for r in self.data.rules],
            "labels": [self.labels.outcome, self.labels.outcome_time],
            "features.inputs": list(self.features.inputs),
            "features.entities": [e.column for e in self.features.entities],
            "features.exclude": [e.column for e in self.features.exclude],
            "training.segments": list(self.training.segments),
        }
        for where, columns in named.items():
            for column in columns:
                if column not in self.data.columns:
                    raise ValueError(
                        f"{where} names column {column!r}; data.columns has: {', '.join(self.data.columns)}"
                    )
        self._require_known_dates()
        loose = [name for name in self.training.increasing if name not in self.features.names]
        if loose:
            raise ValueError(
                f"training.increasing names {', '.join(loose)}; features.names has: {', '.join(self.features.names)}"
            )
        self._require_actionable_inputs()
        self._require_carried_attributes()
        excluded = {e.column for e in self.features.exclude}
        both = sorted(excluded & set(self.features.inputs))
        if both:
            raise ValueError(f"{', '.join(both)}: both in features.inputs and in features.exclude; take it out of one")
        return self

    def _require_actionable_inputs(self) -> None:
        for actionable in self.explanations.actionable:
            if actionable.column not in self.features.inputs:
                raise ValueError(
                    f"explanations.actionable names {actionable.column!r}; features.inputs has: "
                    f"{', '.join(self.features.inputs)}"
                )
            kind = self.data.columns[actionable.column].kind
            if (actionable.direction != "any") if kind == "category" else actionable.values:
                raise ValueError(
                    f"explanations.actionable: {actionable.column!r} is of kind {kind}; direction is for numbers and "
                    "dates, values for categories"
                )

    def _require_carried_attributes(self) -> None:
        """Refuse groups and sensitive columns that the data set of a run does not carry."""
        fairness = self.judgement.fairness
        known = [*self.features.inputs, *self.training.segments]
        mitigation = self.training.mitigation
        named = {
            "training.mitigation": [mitigation.attribute] if mitigation else [],
            "judgement.fairness.attributes": [a.column for a in fairness.attributes],
            "judgement.privacy.sensitive": self.judgement.privacy.sensitive,
        }
        loose = [f"{where} names {c!r}" for where, columns in named.items() for c in columns if c not in known]
        if loose:
            raise ValueError(f"{'; '.join(loose)}; features.inputs and training.segments have: {', '.join(known)}")
        attributes = [a.column for a in fairness.attributes]
        pairs = [c for pair in fairness.intersections for c in pair if c not in attributes]
        if pairs:
            raise ValueError(
                f"judgement.fairness.intersections names {', '.join(pairs)}; attributes has: {', '.join(attributes)}"
            )

    def _require_known_dates(self) -> None:
        """Refuse events and outcomes that the table would have from after the day it was drawn."""
        known_until = self.data.known_until
        for name in (self.data.event_time, self.labels.outcome_time):
            latest = self.data.columns[name].latest
            if known_until is not None and latest is not None and latest > known_until:
                raise ValueError(
                    f"data.columns.{name}.latest {latest} is after data.known_until {known_until}; an event or outcome "
                    "cannot be known before it happens: take one of the two out"
                )


def load(use_case: str) -> UseCase:
    """Load a use case by the name of one that ships, by the path of a YAML file, or from the YAML text itself.

    Raises:
        FairleadError: no such use case, or a value in it is wrong; names each field, the value found and the rule.
    """
    text, where = _text(use_case)
    try:
        return UseCase.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise FairleadError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(p) for p in e['loc']) or 'use case'}: {e['msg']}{_found(e['input'])}"
            for e in error.errors()
        ]
        raise FairleadError(f"{where}: {'; '.join(wrong)}") from error


def as_of_date(case: UseCase, as_of: str) -> date:
    """Read a training date: ISO text, or the use case's own when the text is empty.

    Raises:
        FairleadError: the text is no ISO date.
    """
    try:
        return date.fromisoformat(as_of) if as_of else case.as_of
    except ValueError as error:
        raise FairleadError(f"as_of {as_of!r} is no date; give it like {case.as_of.isoformat()}") from error


def shipped() -> list[str]:
    """List the names of the use cases that ship."""
    return sorted(p.stem for p in SHIPPED.glob("*.yaml"))


def _found(value: object) -> str:
    return "" if isinstance(value, dict) else f" (found {str(value)[:80]!r})"


def _text(use_case: str) -> tuple[str, str]:
    if "\n" in use_case:
        return use_case, "use case given as text"
    if use_case in shipped():
        return (SHIPPED / f"{use_case}.yaml").read_text(encoding="utf-8"), f"use case {use_case}"
    path = Path(use_case)
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        return path.read_text(encoding="utf-8"), f"use case {path}"
    raise unknown("use case", use_case, shipped(), "Or give the path of a YAML file of your own.")
