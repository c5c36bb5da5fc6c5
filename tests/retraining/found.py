"""Findings to decide on, put together from a few numbers."""

from collections.abc import Mapping
from datetime import date, timedelta

from components.core.contracts import Estimate
from components.monitoring.values import Cause, Drift, DriftReport, Findings, Performance, Window

NOW = date(2005, 6, 30)
JUDGED = Estimate(value=0.10, low=0.095, high=0.105, n=9000)
NOTHING = Estimate(value=None, n=0)
AMBER, RED = 0.1, 0.2


def loss(value, half=0.005):
    return Estimate(value=value, low=value - half, high=value + half, n=3000)


def drifted(subject, effect, kind="numeric", test="ks"):
    severity = "red" if effect >= RED else "amber" if effect >= AMBER else "green"
    sizes = {"reference_rows": 4000, "current_rows": 900}
    return Drift(subject=subject, kind=kind, test=test, effect=effect, amber=AMBER, red=RED, severity=severity, **sizes)


def report(*results):
    old = Window(first=date(1999, 1, 1), last=date(2003, 12, 31), rows=4000)
    new = Window(first=NOW - timedelta(days=90), last=NOW, rows=900)
    return DriftReport(reference=old, current=new, false_discovery_rate=0.05, results=results)


def cohort(last, version="1", group="all", **ways):
    return Performance(
        cohort=Window(first=last - timedelta(days=90), last=last, rows=900),
        group=group,
        version=version,
        mature=0,
        labelled=0,
        known_bad=20,
        developed=0.5,
        bad_rate=NOTHING,
        **{way: {"log_loss": told} for way, told in ways.items()},
    )


def cause(verdict, share=0.8, kind="feature", subject="bank_rate"):
    return Cause(kind=kind, subject=subject, share=share, verdict=verdict, reason="as an example")


def findings(
    drift=(), performance=(), causes=(), importance: Mapping[str, float] | None = None, version="1", now=NOW
) -> Findings:
    return Findings(
        use_case="sba_loans",
        model="sba_loans",
        version=version,
        now=now,
        window=Window(first=now - timedelta(days=90), last=now, rows=900),
        drift=None if drift is None else report(*drift),
        performance=tuple(performance),
        expected_loss=JUDGED,
        outlier_rate=NOTHING,
        causes=tuple(causes),
        figures={} if importance is None else {"importance": importance},
    )
