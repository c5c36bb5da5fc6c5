"""What monitoring finds: the values that go from a look to alerts, reports and the decision to train anew."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from components.core.contracts import Estimate
from components.judgement.check_report import Figure

Severity = Literal["green", "amber", "red", "no_data"]

_ORDER: tuple[Severity, ...] = ("no_data", "green", "amber", "red")


def worst(severities: Sequence[Severity]) -> Severity:
    """Return the worst of several; ``no_data`` where there is nothing else.

    >>> worst(["green", "no_data", "amber"])
    'amber'
    """
    return max(severities, key=_ORDER.index, default="no_data")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Window(_Value):
    """Rows by the days of their events, both ends included."""

    first: date
    last: date
    rows: int


class Drift(_Value):
    """One test of one subject: the newest window against the reference."""

    subject: str
    """An input, a feature of the model, ``probability``, or ``*`` for all features together."""
    kind: Literal["numeric", "category", "prediction", "multivariate", "embedding", "missing", "schema"]
    test: str
    """``ks``, ``psi``, ``chi_square`` …; its module in ``components.monitoring.drift`` says what it means."""
    effect: float | None
    """The size that thresholds are held to; None where there was too little data."""
    p_value: float | None = None
    """None for tests that have none."""
    discovered: bool = False
    """Still significant once the false discovery rate over all tests of the report is controlled."""
    amber: float
    red: float
    reference_rows: int
    current_rows: int
    severity: Severity
    """Amber and red need the effect, and where there is a p-value the discovery too."""
    reason: str = ""


class DriftReport(_Value):
    """All tests of one window."""

    reference: Window
    current: Window
    false_discovery_rate: float
    results: tuple[Drift, ...]

    @property
    def severity(self) -> Severity:
        return worst([r.severity for r in self.results])

    def of(self, subject: str) -> tuple[Drift, ...]:
        """Return the results on one subject."""
        return tuple(r for r in self.results if r.subject == subject)

    def drifted(self) -> tuple[str, ...]:
        """Name the subjects that are amber or red, in the report's order."""
        return tuple(dict.fromkeys(r.subject for r in self.results if r.severity in ("amber", "red")))


class Performance(_Value):
    """How one cohort fared, by three ways of knowing it. Metrics are those of ``components.training.metrics``."""

    cohort: Window
    group: str = "all"
    """``all``, or ``COLUMN=value`` as in ``SliceMetrics.slice``."""
    version: str
    """Of the model that answered, ``all`` for all of them."""
    mature: int
    """Rows whose time to turn bad is over."""
    labelled: int
    """Mature rows whose label has arrived."""
    known_bad: int
    """Bad outcomes so far, of mature rows and of others."""
    developed: float
    """Share of the cohort's bad outcomes that should be known by now, as those of older cohorts came in; 1 when all
    rows are mature."""
    realised: Mapping[str, Estimate] = {}
    """On mature rows; empty where they are too few or too few of their labels have arrived."""
    early: Mapping[str, Estimate] = {}
    """On the labels known so far, weighted for those that are not; empty where too little has developed."""
    estimated: Mapping[str, Estimate] = {}
    """Without labels, from the probabilities alone; right only as long as these are calibrated."""
    bad_rate: Estimate
    """Share of bad rows: realised where mature, early before that; without a value where neither can be told."""
    severity: Severity = "green"
    reason: str = ""


class CohortFairness(_Value):
    """How the groups of one attribute, or of two together, were treated in one cohort; in ``Findings.figures``."""

    cohort: Window
    attribute: str
    """``sex``, or ``sex & marriage``."""
    against: str | None
    """The group that the others are held against; None where there is none."""
    labelled: int
    """Rows by whose labels groups are compared."""
    figures: tuple[Figure, ...]
    """Those of the check ``fairness``, as far as they can be told of logged rows."""
    severity: Severity = "green"
    reason: str = ""


class Cause(_Value):
    """What lies behind a drift or a loss, the most telling first."""

    kind: Literal["feature", "slice", "time"]
    subject: str
    """A feature, a condition such as ``Bank=X``, or the day from which it is seen."""
    share: float
    """Of what is to be explained, 0 to 1; parts may overlap."""
    verdict: Literal["data_fault", "world_change", "unclear"]
    reason: str


class Call(_Value):
    """One reason to alarm, as a look found it; whether somebody is told is the alert book's to decide."""

    name: str
    """``drift``, ``loss``, ``estimated_loss``, ``outliers``, ``missing``, ``schema``, ``label_delay`` …: of the alert
    and of its runbook."""
    subject: str
    severity: Literal["amber", "red"]
    value: float
    threshold: float
    summary: str

    @property
    def key(self) -> str:
        """What the same alert has at the next look."""
        return f"{self.name}/{self.subject}"


class Findings(_Value):
    """All that one look found."""

    use_case: str
    model: str
    version: str
    """Of the champion at that time."""
    now: date
    """Nothing that came to be known later was used."""
    window: Window
    drift: DriftReport | None
    """None where there were no rows to compare."""
    performance: tuple[Performance, ...]
    """Cohorts from old to new, whole ones (``group`` is ``all``) and by group."""
    expected_loss: Estimate
    """The loss metric when the model was judged, from its bundle's card."""
    outlier_rate: Estimate
    causes: tuple[Cause, ...] = ()
    calls: tuple[Call, ...] = ()
    figures: Mapping[str, Any] = {}
    """What else was measured, by name, as JSON values; for the report."""

    @property
    def severity(self) -> Severity:
        """The worst call; without any, ``green`` where something was measured and ``no_data`` where nothing was."""
        told = () if self.drift is None else (self.drift.severity,)
        if self.calls:
            return worst([c.severity for c in self.calls])
        return "no_data" if worst([*told, *(p.severity for p in self.performance)]) == "no_data" else "green"
