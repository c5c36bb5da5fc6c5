"""Rules for Prometheus: what may burn through the budgets of errors and slow answers, and what else calls somebody.

The budgets are watched over several windows at once with the burn rates of Google's "Site Reliability Workbook",
chapter 5, "Alerting on SLOs": a page when 2 % of a month's budget went in an hour or 5 % in six, a ticket when 10 %
went in a day or in three; each with a window of a twelfth beside it, so that the alert ends soon after the trouble.

What looks call for is decided by the alert book, hysteresis and all; the rules only hand it on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from components.monitoring.runbooks import FROM_LOOKS, MEANING, alert_name, path_of

ROUTES = "/v2/models/.+/infer|/v1/models/.+:predict|grpc ModelInfer"
"""Requests that ask a model for an answer; others, health checks say, would dilute the budget."""
FAILED = "5..|2|4|13|14|15"
"""Statuses of the server's failures, of HTTP (three digits) and of gRPC."""
REFUSED = "4..|3|5|8|9|11"
"""Statuses that blame the request."""
ANSWERED = "2..|0"

MINUTE, HOUR, DAY = 60, 3600, 86400

SEVERITY = {"amber": "warning", "red": "critical"}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Burn:
    """One pair of windows.

    Args:
        severity: of the alert.
        rate: how many times faster than the budget allows it burns.
        long: seconds.
        short: seconds.
    """

    severity: str
    rate: float
    long: int
    short: int


BURNS = (
    Burn("critical", 14.4, HOUR, 5 * MINUTE),
    Burn("critical", 6, 6 * HOUR, 30 * MINUTE),
    Burn("warning", 3, DAY, 2 * HOUR),
    Burn("warning", 1, 3 * DAY, 6 * HOUR),
)


@dataclass(frozen=True)
class Objectives:
    """What is promised, and what is too much.

    Args:
        errors: budget: share of requests that may fail, over 30 days.
        slow: budget: share of answers that may be slower than ``seconds``.
        seconds: one of the bounds of the servers' buckets.
        enough: with fewer requests in the window nothing is said: one failure among few is no trend.
        look_every: seconds between two looks.
        stale: warn and call from so many seconds that histories are old.
        quarantined: warn and call from so large a share of rows set aside.
        refused: warn and call from so large a share of requests that do not fit the contract.
        dropped: call from so large a share of rows that the prediction log lost; any at all is warned of.
        scale: factor on all times, for tests that cannot wait.
    """

    errors: float = 0.001
    slow: float = 0.01
    seconds: float = 0.1
    enough: int = 100
    look_every: int = DAY
    stale: tuple[int, int] = (2 * DAY, 7 * DAY)
    quarantined: tuple[float, float] = (0.02, 0.1)
    refused: tuple[float, float] = (0.05, 0.25)
    dropped: float = 0.01
    scale: float = 1.0

    def span(self, seconds: float) -> str:
        """Write a time in Prometheus' way.

        >>> Objectives().span(300), Objectives().span(6 * HOUR), Objectives(scale=1 / 60).span(300)
        ('5m', '6h', '5s')
        """
        n = round(seconds * self.scale)
        for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
            if n and n % size == 0:
                return f"{n // size}{unit}"
        return f"{n}s"


def rules(objectives: Objectives = Objectives()) -> dict[str, Any]:
    """Make the rule file, as ``promtool check rules`` takes it."""
    return {
        "groups": [
            {"name": "fairlead-budgets", "rules": [*_recorded(objectives), *_budgets(objectives)]},
            {"name": "fairlead-looks", "rules": list(_looks())},
            {"name": "fairlead-serving", "rules": list(_serving(objectives))},
            {"name": "fairlead-data", "rules": list(_data(objectives))},
            {"name": "fairlead-watching", "rules": list(_watching(objectives))},
        ]
    }


def text(objectives: Objectives = Objectives()) -> str:
    """Write the rule file as YAML."""
    return yaml.safe_dump(rules(objectives), sort_keys=False, width=1000, allow_unicode=True)


def _recorded(o: Objectives) -> Iterator[Rule]:
    windows = sorted({w for burn in BURNS for w in (burn.long, burn.short)})
    asked = f'route=~"{ROUTES}"'
    for w in windows:
        span, name = o.span(w), Objectives().span(w)
        all_ = f"sum by (model) (rate(fairlead_requests_total{{{asked}}}[{span}]))"
        failed = f'sum by (model) (rate(fairlead_requests_total{{{asked},status=~"{FAILED}"}}[{span}]))'
        yield _record(f"fairlead:request_errors:ratio_rate{name}", f"({failed} or 0 * {all_}) / {all_}")
        answered = f'{asked},status=~"{ANSWERED}"'
        fast = f'fairlead_request_duration_seconds_bucket{{{answered},le="{o.seconds:g}"}}'
        count = f"fairlead_request_duration_seconds_count{{{answered}}}"
        share = f"sum by (model) (rate({fast}[{span}])) / sum by (model) (rate({count}[{span}]))"
        yield _record(f"fairlead:request_slow:ratio_rate{name}", f"1 - {share}")
    for w in (HOUR, DAY):
        requests = f"sum by (model) (increase(fairlead_requests_total{{{asked}}}[{o.span(w)}]))"
        yield _record(f"fairlead:requests:increase{Objectives().span(w)}", requests)


def _budgets(o: Objectives) -> Iterator[Rule]:
    said = {
        "error_budget": ("request_errors", o.errors, "{{ $value | humanizePercentage }} of its requests fail"),
        "latency_budget": (
            "request_slow",
            o.slow,
            f"{{{{ $value | humanizePercentage }}}} of its answers take longer than {o.seconds * 1000:g} ms",
        ),
    }
    for name, (record, budget, summary) in said.items():
        for severity, window in (("critical", HOUR), ("warning", DAY)):
            pairs = [b for b in BURNS if b.severity == severity]
            burning = " or ".join(f"({_burns(record, budget, b)})" for b in pairs)
            enough = f"fairlead:requests:increase{Objectives().span(window)} >= {o.enough}"
            yield _alert(name, severity, f"({burning}) and {enough}", "{{ $labels.model }}: " + summary)


def _burns(record: str, budget: float, burn: Burn) -> str:
    limit = f"{burn.rate * budget:.6g}"
    long, short = (f"fairlead:{record}:ratio_rate{Objectives().span(w)}" for w in (burn.long, burn.short))
    return f"{long} > {limit} and {short} > {limit}"


def _looks() -> Iterator[Rule]:
    by = "max by (use_case, model, alert, subject)"
    for name in FROM_LOOKS:
        for rank, (level, severity) in enumerate(SEVERITY.items(), start=1):
            stands = f'{by} (fairlead_alert_level{{alert="{name}"}}) == {rank}'
            silenced = f'{by} (fairlead_alert_silenced{{alert="{name}"}}) == 1'
            words = f"{{{{ $labels.model }}}}: {name} of {{{{ $labels.subject }}}} is {level}"
            yield _alert(name, severity, f"{stands} unless {silenced}", words)


def _serving(o: Objectives) -> Iterator[Rule]:
    asked, span = f'route=~"{ROUTES}"', o.span(15 * MINUTE)
    all_ = f"sum by (model) (rate(fairlead_requests_total{{{asked}}}[{span}]))"
    refused = f'sum by (model) (rate(fairlead_requests_total{{{asked},status=~"{REFUSED}"}}[{span}])) / {all_}'
    words = "{{ $labels.model }}: {{ $value | humanizePercentage }} of its requests are refused"
    for severity, limit in zip(SEVERITY.values(), o.refused, strict=True):
        yield _alert("refusals", severity, f"{refused} > {limit:g}", words, o.span(5 * MINUTE))
    lost = 'fairlead_log_rows_total{result=~"dropped|failed"}'
    by = "sum by (model, sink)"
    words = "{{ $labels.model }}: rows on their way to {{ $labels.sink }} were lost"
    yield _alert("log_drops", "warning", f"{by} (increase({lost}[{span}])) > 0", words)
    share = f"{by} (rate({lost}[{span}])) / {by} (rate(fairlead_log_rows_total[{span}]))"
    yield _alert("log_drops", "critical", f"{share} > {o.dropped:g}", words)


def _data(o: Objectives) -> Iterator[Rule]:
    age = "time() - min by (use_case, model, view) (fairlead_features_known_until_timestamp_seconds)"
    words = "{{ $labels.model }}: histories of {{ $labels.view }} are {{ $value | humanizeDuration }} old"
    for severity, limit in zip(SEVERITY.values(), o.stale, strict=True):
        yield _alert("features_stale", severity, f"{age} > {limit * o.scale:g}", words)
    aside = "max by (use_case, model) (fairlead_quarantined_ratio)"
    words = "{{ $labels.use_case }}: {{ $value | humanizePercentage }} of the newest table's rows were set aside"
    for severity, share in zip(SEVERITY.values(), o.quarantined, strict=True):
        yield _alert("quarantine", severity, f"{aside} > {share:g}", words)


def _watching(o: Objectives) -> Iterator[Rule]:
    age = "time() - max by (use_case, model) (fairlead_look_end_timestamp_seconds)"
    since = "{{ $labels.model }}: the last look was {{ $value | humanizeDuration }} ago"
    words = f"{{{{ if $labels.model }}}}{since}{{{{ else }}}}no look at any model is shown{{{{ end }}}}"
    late, missing = (f"{age} > {times * o.look_every * o.scale:g}" for times in (2, 4))
    yield _alert("monitor_silent", "warning", late, words)
    absent = f"absent_over_time(fairlead_look_end_timestamp_seconds[{o.span(HOUR)}])"
    yield _alert("monitor_silent", "critical", f"({missing}) or {absent}", words)
    down = 'up{job=~"fairlead.*"} == 0'
    words = "{{ $labels.job }} at {{ $labels.instance }} cannot be scraped"
    yield _alert("target_down", "critical", down, words, o.span(5 * MINUTE))
    waiting = "max by (notifier) (fairlead_alert_waiting) > 0"
    words = "{{ $value }} changes of alerts wait for {{ $labels.notifier }}"
    yield _alert("untold", "warning", waiting, words, o.span(15 * MINUTE))
    failed = f'max by (use_case, model) (delta(fairlead_retraining_runs{{state="failed"}}[{o.span(DAY)}])) > 0'
    yield _alert("retraining_failed", "warning", failed, "{{ $labels.model }}: a training run broke within a day")


def _record(name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression}


def _alert(name: str, severity: str, expression: str, summary: str, lasting: str = "") -> Rule:
    rule: Rule = {"alert": alert_name(name), "expr": expression}
    if lasting:
        rule["for"] = lasting
    annotations: Mapping[str, str] = {"summary": summary, "description": MEANING[name], "runbook": path_of(name)}
    return {**rule, "labels": {"severity": severity, "alert": name}, "annotations": dict(annotations)}
