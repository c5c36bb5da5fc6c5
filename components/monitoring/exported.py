"""What a look and the alert book show to Prometheus: families of metrics with few labels.

A figure without a value has no series: a rule on it then finds no data, where a zero would look like calm. Texts that
come from rows (a group's name, a subject's) make at most ``MOST`` series of a family and model, the worst first; how
many were left out is a metric too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from components.core.contracts import Estimate
from components.monitoring.alerts.store import BookStore
from components.monitoring.alerts.values import rank
from components.monitoring.values import CohortFairness, Drift, Findings, Performance

MOST = 500
WHO = ("use_case", "model")
"""Labels of every family but those about the book itself."""
SERVED = "served"
WAYS = ("realised", "early", "estimated")
STATES = (
    *("decided", "started", "registered", "stopped", "failed", "rolling_out", "promoted", "rolled_back", "given_up"),
)
"""Of training runs, as ``components.retraining.values`` has them; this stage comes before that one."""

_HELP: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "fairlead_alert_level": ("Level of an alert: 0 green, 1 amber, 2 red.", ("alert", "subject")),
    "fairlead_alert_silenced": ("Whether a silence holds for an alert.", ("alert", "subject")),
    "fairlead_drift_effect": ("Effect of a drift test, in the test's own unit.", ("subject", "kind", "test")),
    "fairlead_drift_effect_ratio": ("Effect as a share of what counts as red.", ("subject", "kind", "test")),
    "fairlead_performance": (
        "A metric of the newest cohort of which it can be told: realised, early or estimated.",
        ("version", "group", "metric", "way", "bound"),
    ),
    "fairlead_performance_cohort_end_timestamp_seconds": (
        "Last day of the cohort that fairlead_performance tells of.",
        ("version", "group", "metric", "way"),
    ),
    "fairlead_fairness": (
        "A figure of how groups of people were treated, of the newest cohort of which it can be told.",
        ("measure", "attribute", "group", "bound"),
    ),
    "fairlead_fairness_cohort_end_timestamp_seconds": (
        "Last day of the cohort that fairlead_fairness tells of.",
        ("measure", "attribute", "group"),
    ),
    "fairlead_expected_loss": ("Loss of the champion when it was judged.", ("version", "bound")),
    "fairlead_bad_rate": ("Share of bad rows in the newest cohort of which it can be told.", ("bound",)),
    "fairlead_label_coverage_ratio": ("Share of the newest mature cohort's rows that have their label.", ()),
    "fairlead_label_delay_seconds": ("Since the newest outcome became known, while rows wait for theirs.", ()),
    "fairlead_outlier_ratio": ("Share of odd rows in the window.", ("bound",)),
    "fairlead_look_end_timestamp_seconds": ("When the last look ended.", ()),
    "fairlead_look_day_timestamp_seconds": ("Up to which day it looked.", ()),
    "fairlead_look_duration_seconds": ("How long it took.", ()),
    "fairlead_look_window_rows": ("Rows of its window.", ()),
    "fairlead_champion_info": ("1 for the version that reigns.", ("version",)),
    "fairlead_features_known_until_timestamp_seconds": ("Up to when a view's histories are materialised.", ("view",)),
    "fairlead_checked_rows": ("Rows of the newest table that were checked.", ()),
    "fairlead_quarantined_ratio": ("Share of them that was set aside.", ()),
    "fairlead_retraining_runs": ("Training runs that were started by themselves, by how far they came.", ("state",)),
    "fairlead_retraining_last_day_timestamp_seconds": ("Training date of the newest of them.", ()),
    "fairlead_left_out_series": ("Series that a family lacks, as there would be too many.", ("family",)),
}
"""Family → what it says, and its labels beside ``WHO``. All are gauges."""

_OF_THE_BOOK = {
    "fairlead_alert_events": ("Changes of alerts.", (*WHO, "kind")),
    "fairlead_alert_waiting": ("Changes that a notifier has not taken yet.", ("notifier",)),
}

NAMES = frozenset({*_HELP, *_OF_THE_BOOK})
"""Of all families; a counter's samples have ``_total`` behind it."""


@dataclass(frozen=True)
class Looked:
    """What is known after a look at one model.

    Args:
        findings: of the look.
        ended: when it ended: the present time, UTC, whatever day it looked at.
        seconds: how long it took.
        known_until: by view, up to when the online store's histories are materialised.
        checked: rows of the newest table that data checks saw; None when none was checked.
        quarantined: of these, rows that were set aside.
        runs: training runs by state; None where nobody counts them.
        last_training: training date of the newest run.
    """

    findings: Findings
    ended: datetime
    seconds: float
    known_until: Mapping[str, datetime] = field(default_factory=dict)
    checked: int | None = None
    quarantined: int = 0
    runs: Mapping[str, int] | None = None
    last_training: date | None = None


def of_looks(looks: Iterable[Looked]) -> Iterator[Metric]:
    """Show looks, one for each model."""
    shown = _Shown()
    for looked in looks:
        found = looked.findings
        who = (found.use_case, found.model)
        _look(shown, who, looked)
        _drift(shown, who, found)
        _performance(shown, who, found)
        _fairness(shown, who, found)
        _around(shown, who, looked)
    yield from shown.families()


def of_book(store: BookStore, notifiers: Iterable[str]) -> Iterator[Metric]:
    """Show the alert book.

    Args:
        store: the book.
        notifiers: shown with 0 while nothing waits for them.
    """
    shown = _Shown()
    silences = store.silences()
    for alert in sorted(store.alerts(), key=lambda a: -rank(a.level)):
        name, _, subject = alert.key.partition("/")
        who = (alert.use_case, alert.model)
        shown.add("fairlead_alert_level", who, (name, subject), rank(alert.level))
        held = alert.seen is not None and any(s.covers(alert.model, alert.key, alert.seen) for s in silences)
        shown.add("fairlead_alert_silenced", who, (name, subject), int(held))
    yield from shown.families()
    help_of, labels_of = _OF_THE_BOOK["fairlead_alert_events"]
    events = CounterMetricFamily("fairlead_alert_events", help_of, labels=labels_of)
    for key, n in store.counts().items():
        events.add_metric(key, n)
    yield events
    help_of, labels_of = _OF_THE_BOOK["fairlead_alert_waiting"]
    waiting = GaugeMetricFamily("fairlead_alert_waiting", help_of, labels=labels_of)
    left = [w.notifier for w in store.waiting()]
    for notifier in sorted({*notifiers, *left}):
        waiting.add_metric((notifier,), left.count(notifier))
    yield waiting


class _Shown:
    """Families under way, each with at most ``MOST`` series of a model."""

    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily] = {}
        self._counts: dict[tuple[str, tuple[str, str]], int] = {}

    def add(self, name: str, who: tuple[str, str], labels: tuple[str, ...], value: float | None) -> None:
        """Add a series; none without a value."""
        if value is None:
            return
        text, own = _HELP[name]
        count = self._counts[name, who] = self._counts.get((name, who), 0) + 1
        if count <= MOST:
            family = self._families.setdefault(name, GaugeMetricFamily(name, text, labels=(*WHO, *own)))
            family.add_metric((*who, *labels), value)

    def estimate(self, name: str, who: tuple[str, str], labels: tuple[str, ...], told: Estimate) -> None:
        """Add a figure and both ends of its interval."""
        for bound in ("value", "low", "high"):
            self.add(name, who, (*labels, bound), getattr(told, bound))

    def families(self) -> Iterator[Metric]:
        """Give them, and how much is not in them."""
        yield from self._families.values()
        over = {key: n - MOST for key, n in self._counts.items() if n > MOST}
        if over:
            name = "fairlead_left_out_series"
            left = GaugeMetricFamily(name, _HELP[name][0], labels=(*WHO, "family"))
            for (family, who), n in over.items():
                left.add_metric((*who, family), n)
            yield left


def _look(shown: _Shown, who: tuple[str, str], looked: Looked) -> None:
    found = looked.findings
    shown.add("fairlead_look_end_timestamp_seconds", who, (), looked.ended.timestamp())
    shown.add("fairlead_look_day_timestamp_seconds", who, (), _seconds(found.now))
    shown.add("fairlead_look_duration_seconds", who, (), looked.seconds)
    shown.add("fairlead_look_window_rows", who, (), found.window.rows)
    shown.add("fairlead_champion_info", who, (found.version,), 1)
    shown.estimate("fairlead_expected_loss", who, (found.version,), found.expected_loss)
    shown.estimate("fairlead_outlier_ratio", who, (), found.outlier_rate)


def _drift(shown: _Shown, who: tuple[str, str], found: Findings) -> None:
    for result in sorted(found.drift.results if found.drift else (), key=_ratio, reverse=True):
        labels = (result.subject, result.kind, result.test)
        shown.add("fairlead_drift_effect", who, labels, result.effect)
        if result.effect is not None and result.red > 0:
            shown.add("fairlead_drift_effect_ratio", who, labels, result.effect / result.red)


def _ratio(result: Drift) -> float:
    return 0.0 if result.effect is None else result.effect / (result.red or 1.0)


def _performance(shown: _Shown, who: tuple[str, str], found: Findings) -> None:
    for (version, group, way, metric), p in _newest(found.performance, found.version).items():
        labels = (version, group, metric, way)
        told: Estimate = getattr(p, way)[metric]
        if group == "all":
            shown.estimate("fairlead_performance", who, labels, told)
        else:  # without its interval: groups are many
            shown.add("fairlead_performance", who, (*labels, "value"), told.value)
        shown.add("fairlead_performance_cohort_end_timestamp_seconds", who, labels, _seconds(p.cohort.last))
    whole = [p for p in found.performance if p.group == "all"]
    rated = [p for p in whole if p.bad_rate.value is not None]
    if rated:
        shown.estimate("fairlead_bad_rate", who, (), rated[-1].bad_rate)
    mature = [p for p in whole if p.mature]
    if mature:
        shown.add("fairlead_label_coverage_ratio", who, (), mature[-1].labelled / mature[-1].mature)
    of_labels = found.figures.get("labels")
    delay = of_labels.get("delay_days") if isinstance(of_labels, Mapping) else None
    shown.add("fairlead_label_delay_seconds", who, (), None if delay is None else delay * 86400)


def _newest(performance: Iterable[Performance], champion: str) -> dict[tuple[str, str, str, str], Performance]:
    """Find by version, group, way and metric the newest cohort with a value; whole ones first, as they matter most.

    Versions are the reigning one and ``SERVED``, what clients got from whichever version: those of the past would each
    leave a figure that never changes again.
    """
    found: dict[tuple[str, str, str, str], Performance] = {}
    for p in sorted(performance, key=lambda p: p.group != "all"):
        for way in WAYS:
            for metric, told in getattr(p, way).items():
                if told.value is not None:
                    version = champion if p.version == champion else SERVED
                    found[version, p.group, way, metric] = p
    return found


def _fairness(shown: _Shown, who: tuple[str, str], found: Findings) -> None:
    told = [CohortFairness.model_validate(c) for c in found.figures.get("fairness") or ()]
    newest = {(f.name, c.attribute, f.of): (c, f) for c in told for f in c.figures if f.estimate.value is not None}
    # What is of a whole attribute comes first, as gates are best put on it; groups are many.
    for (measure, attribute, of), (c, figure) in sorted(newest.items(), key=lambda item: item[0][1] != item[0][2]):
        labels = (measure, attribute, "all" if of == attribute else of)
        if of == attribute:
            shown.estimate("fairlead_fairness", who, labels, figure.estimate)
        else:
            shown.add("fairlead_fairness", who, (*labels, "value"), figure.estimate.value)
        shown.add("fairlead_fairness_cohort_end_timestamp_seconds", who, labels, _seconds(c.cohort.last))


def _around(shown: _Shown, who: tuple[str, str], looked: Looked) -> None:
    for view, until in looked.known_until.items():
        shown.add("fairlead_features_known_until_timestamp_seconds", who, (view,), until.timestamp())
    shown.add("fairlead_checked_rows", who, (), looked.checked)
    if looked.checked:
        shown.add("fairlead_quarantined_ratio", who, (), looked.quarantined / looked.checked)
    if looked.runs is not None:
        # From 0 on, so that the first one is seen to rise.
        for state, n in {**dict.fromkeys(STATES, 0), **looked.runs}.items():
            shown.add("fairlead_retraining_runs", who, (state,), n)
    if looked.last_training is not None:
        shown.add("fairlead_retraining_last_day_timestamp_seconds", who, (), _seconds(looked.last_training))


def _seconds(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
