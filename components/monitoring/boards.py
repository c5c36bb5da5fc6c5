"""What is on the Grafana dashboards: for each its rows of panels, and what each panel asks Prometheus for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.monitoring.rules import ROUTES

MODEL = 'model=~"$model"'
ASKED = f'{MODEL},route=~"{ROUTES}"'

Kind = Literal["line", "number", "states", "table"]


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        title: its heading.
        asks: expression → legend; ``$model`` stands for the models that are picked.
        text: what it shows, for who points at its corner.
        unit: Grafana's name for it.
        kind: how it is drawn.
        limits: from where on it is orange, and red.
    """

    title: str
    asks: Mapping[str, str]
    text: str = ""
    unit: str = "short"
    kind: Kind = "line"
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Board:
    """One dashboard.

    Args:
        title: its heading.
        text: what it is for.
        models: the metric whose label ``model`` says which models there are.
        rows: heading → panels side by side.
        since: how far back it opens.
    """

    title: str
    text: str
    models: str
    rows: Mapping[str, tuple[Panel, ...]]
    since: str = "now-6h"


def _rate(metric: str, by: str, labels: str = MODEL) -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[5m]))"


def _quantile(share: float) -> str:
    return f"histogram_quantile({share}, {_rate('fairlead_request_duration_seconds_bucket', 'model, le', ASKED)})"


def _latest(metric: str, by: str, labels: str = MODEL) -> str:
    """Ask for a gauge whoever shows it: a restarted exporter has another ``instance``."""
    return f"max by ({by}) ({metric}{{{labels}}})"


_LOST = f'{MODEL},result=~"dropped|failed"'
_MEAN_SCORE = f"{_rate('fairlead_score_sum', 'model, version')} / {_rate('fairlead_score_count', 'model, version')}"
_ODD = f"{_rate('fairlead_outliers_total', 'model, version')} / {_rate('fairlead_score_count', 'model, version')}"

SERVING = Board(
    "Fairlead: serving",
    "What the model servers answer, how fast, and what becomes of the log that watching depends on.",
    "fairlead_requests_total",
    {
        "Budgets": (
            Panel(
                "Failed requests",
                {
                    f"fairlead:request_errors:ratio_rate5m{{{MODEL}}}": "{{model}}, 5 minutes",
                    f"fairlead:request_errors:ratio_rate1h{{{MODEL}}}": "{{model}}, 1 hour",
                },
                "Lines: budget of 0.1 %, and where it burns 14.4 times too fast.",
                "percentunit",
                limits=(0.001, 0.0144),
            ),
            Panel(
                "Answers slower than 100 ms",
                {
                    f"fairlead:request_slow:ratio_rate5m{{{MODEL}}}": "{{model}}, 5 minutes",
                    f"fairlead:request_slow:ratio_rate1h{{{MODEL}}}": "{{model}}, 1 hour",
                },
                "Lines: budget of 1 %, and where it burns 14.4 times too fast.",
                "percentunit",
                limits=(0.01, 0.144),
            ),
        ),
        "Requests": (
            Panel(
                "By status",
                {_rate("fairlead_requests_total", "model, status", ASKED): "{{model}} {{status}}"},
                unit="reqps",
            ),
            Panel(
                "Latency",
                {_quantile(q): f"{{{{model}}}} {name}" for q, name in ((0.5, "median"), (0.95, "p95"), (0.99, "p99"))},
                unit="s",
            ),
            Panel(
                "Under way",
                {f"sum by (model, version) (fairlead_requests_in_flight{{{MODEL}}})": "{{model}} {{version}}"},
            ),
        ),
        "Answers": (
            Panel(
                "Rows",
                {_rate("fairlead_rows_total", "model, version, variant"): "{{model}} {{version}} {{variant}}"},
                unit="rowsps",
            ),
            Panel("Mean score", {_MEAN_SCORE: "{{model}} {{version}}"}, unit="percentunit"),
            Panel("Odd rows", {_ODD: "{{model}} {{version}}"}, "Share that the detector finds odd.", "percentunit"),
        ),
        "At the door": (
            Panel(
                "Refused values",
                {_rate("fairlead_contract_violations_total", "model, field, reason"): "{{field}}: {{reason}}"},
                "Values that do not fit the contract, a second.",
            ),
            Panel(
                "Online lookups",
                {_rate("fairlead_lookups_total", "model, entity, result"): "{{entity}}: {{result}}"},
            ),
        ),
        "Prediction log": (
            Panel(
                "Rows by their end", {_rate("fairlead_log_rows_total", "model, sink, result"): "{{sink}}: {{result}}"}
            ),
            Panel("Rows lost", {_rate("fairlead_log_rows_total", "model, sink", _LOST): "{{sink}}"}, limits=(1e-6, 1)),
            Panel("Rows waiting", {f"sum by (model, sink) (fairlead_log_waiting_rows{{{MODEL}}})": "{{sink}}"}),
        ),
    },
)


def _performance(way: str) -> str:
    labels = f'{MODEL},group="all",metric="log_loss",bound="value",way="{way}"'
    return _latest("fairlead_performance", "model, version", labels)


_WHOLE = f'{MODEL},group="all",bound="value"'
_EACH = f'{MODEL},group!="all",bound="value",measure="selection_rate"'
_GROUPS = f'{MODEL},group!="all",metric="log_loss",bound="value",way=~"realised|early"'
_FIRING = 'ALERTS{alertname=~"Fairlead.+",alertstate="firing"}'
_METRICS = f'{MODEL},group="all",bound="value"'

HEALTH = Board(
    "Fairlead: model health",
    "What stands, and how the model fares: as labels say, as they say so far, and as is estimated without them.",
    "fairlead_look_end_timestamp_seconds",
    {
        "What stands": (
            Panel(
                "Alerts",
                {_latest("fairlead_alert_level", "model, alert, subject"): "{{model}} {{alert}} {{subject}}"},
                "0 green, 1 amber, 2 red; hysteresis is applied.",
                kind="states",
                limits=(1, 2),
            ),
            Panel(
                "Firing in Prometheus",
                {f"count by (alertname, severity, model, subject) ({_FIRING})": ""},
                kind="table",
            ),
        ),
        "Loss": (
            Panel(
                "Log loss of the newest cohort",
                {
                    _performance("realised"): "{{model}} {{version}}, realised",
                    _performance("early"): "{{model}} {{version}}, by the labels so far",
                    _performance("estimated"): "{{model}} {{version}}, estimated",
                    _latest(
                        "fairlead_expected_loss", "model, version", f'{MODEL},bound="value"'
                    ): "{{model}}, when judged",
                },
                "The cohorts differ: realised is told of older ones than estimated.",
            ),
            Panel(
                "By group", {f"topk(15, {_latest('fairlead_performance', 'model, group, way', _GROUPS)})": "{{group}}"}
            ),
            Panel(
                "All metrics",
                {_latest("fairlead_performance", "model, version, metric, way", _METRICS): "{{metric}} {{way}}"},
                kind="table",
            ),
        ),
        "Fairness": (
            Panel(
                "Widest gap between groups",
                {
                    _latest(
                        "fairlead_fairness", "model, measure, attribute", f'{_WHOLE},measure=~".+_difference"'
                    ): "{{attribute}}: {{measure}}"
                },
                "Of the newest cohort that tells it; 0 is no gap. Gates on fairness are held to these.",
                "percentunit",
            ),
            Panel(
                "Smallest ratio of favourable decisions",
                {
                    _latest(
                        "fairlead_fairness", "model, attribute", f'{_WHOLE},measure="demographic_parity_ratio"'
                    ): "{{model}} {{attribute}}"
                },
                "Worst group to best group; 1 is no gap.",
                "percentunit",
            ),
            Panel(
                "Favourable decisions by group",
                {f"topk(15, {_latest('fairlead_fairness', 'model, group', _EACH)})": "{{group}}"},
                unit="percentunit",
            ),
        ),
        "Outcomes and labels": (
            Panel(
                "Bad rate", {_latest("fairlead_bad_rate", "model, bound"): "{{model}} {{bound}}"}, unit="percentunit"
            ),
            Panel(
                "Label coverage",
                {_latest("fairlead_label_coverage_ratio", "model"): "{{model}}"},
                "Of the newest cohort with mature rows.",
                "percentunit",
            ),
            Panel(
                "Label delay",
                {_latest("fairlead_label_delay_seconds", "model"): "{{model}}"},
                unit="s",
                limits=(30 * 86400, 90 * 86400),
            ),
            Panel(
                "Odd rows",
                {_latest("fairlead_outlier_ratio", "model, bound"): "{{model}} {{bound}}"},
                unit="percentunit",
            ),
        ),
    },
    since="now-30d",
)

_TESTS = "model, subject, kind, test"
_ANSWERS = f'{MODEL},kind="prediction"'
_ALL_TOGETHER = f'{MODEL},kind="multivariate"'

DRIFT = Board(
    "Fairlead: drift",
    "How far what comes in, and what the model says, lies from the reference. 1 is where a test turns red.",
    "fairlead_drift_effect_ratio",
    {
        "Most drifted": (
            Panel(
                "Effect as a share of red",
                {f"topk(15, {_latest('fairlead_drift_effect_ratio', _TESTS)})": "{{subject}} ({{test}})"},
                limits=(0.5, 1),
            ),
            Panel(
                "Now",
                {f"topk(25, {_latest('fairlead_drift_effect_ratio', _TESTS)})": ""},
                kind="table",
            ),
        ),
        "Answers, and everything together": (
            Panel("Predictions", {_latest("fairlead_drift_effect", _TESTS, _ANSWERS): "{{test}}"}),
            Panel("All features together", {_latest("fairlead_drift_effect", _TESTS, _ALL_TOGETHER): "{{test}}"}),
            Panel("Rows of the window", {_latest("fairlead_look_window_rows", "model"): "{{model}}"}),
        ),
        "Alerts on it": (
            Panel(
                "Drift, missing values, schema",
                {
                    _latest(
                        "fairlead_alert_level", "model, alert, subject", f'{MODEL},alert=~"drift|missing|schema"'
                    ): "{{alert}} {{subject}}"
                },
                kind="states",
                limits=(1, 2),
            ),
        ),
    },
    since="now-30d",
)

LOOP = Board(
    "Fairlead: loop",
    "Whether the loop itself runs: looks, data, alerts that are told, and training runs.",
    "fairlead_look_end_timestamp_seconds",
    {
        "Looks": (
            Panel(
                "Since the last look",
                {f"time() - {_latest('fairlead_look_end_timestamp_seconds', 'model')}": "{{model}}"},
                unit="s",
                kind="number",
                limits=(2 * 86400, 4 * 86400),
            ),
            Panel("Time a look takes", {_latest("fairlead_look_duration_seconds", "model"): "{{model}}"}, unit="s"),
            Panel("Reigning version", {_latest("fairlead_champion_info", "model, version"): ""}, kind="table"),
            Panel(
                "Series left out",
                {_latest("fairlead_left_out_series", "model, family") + " or vector(0)": "{{family}}"},
            ),
        ),
        "Data": (
            Panel("Rows set aside", {_latest("fairlead_quarantined_ratio", "model"): "{{model}}"}, unit="percentunit"),
            Panel("Rows checked", {_latest("fairlead_checked_rows", "model"): "{{model}}"}),
            Panel(
                "Age of the histories",
                {f"time() - {_latest('fairlead_features_known_until_timestamp_seconds', 'model, view')}": "{{view}}"},
                unit="s",
                limits=(2 * 86400, 7 * 86400),
            ),
        ),
        "Alerts": (
            Panel("Changes", {_latest("fairlead_alert_events_total", "model, kind"): "{{model}} {{kind}}"}),
            Panel("Waiting to be told", {"max by (notifier) (fairlead_alert_waiting)": "{{notifier}}"}, limits=(1, 5)),
            Panel("Silenced", {f"sum by (model) (fairlead_alert_silenced{{{MODEL}}})": "{{model}}"}),
        ),
        "Retraining": (
            Panel(
                "Runs, by how far they came",
                {_latest("fairlead_retraining_runs", "model, state"): "{{model}} {{state}}"},
            ),
            Panel(
                "Newest training date",
                {_latest("fairlead_retraining_last_day_timestamp_seconds", "model") + " * 1000": "{{model}}"},
                unit="dateTimeAsIso",
                kind="number",
            ),
        ),
    },
    since="now-30d",
)

BOARDS: Mapping[str, Board] = {"serving": SERVING, "model-health": HEALTH, "drift": DRIFT, "loop": LOOP}
"""By the end of their address."""
