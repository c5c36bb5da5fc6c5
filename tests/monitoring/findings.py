"""Findings made by hand, for what shows them."""

from datetime import date, timedelta

from components.core.contracts import Estimate
from components.monitoring.values import Call, Cause, Drift, DriftReport, Findings, Performance, Window

NOTHING = Estimate(value=None, n=0)


def loss(value, n=1000):
    return {"log_loss": Estimate(value=value, low=value * 0.9, high=value * 1.1, n=n)}


def cohort(first, **changes):
    given = {
        "cohort": Window(first=first, last=first + timedelta(days=89), rows=1000),
        "version": "all",
        "mature": 1000,
        "labelled": 900,
        "known_bad": 41,
        "developed": 1.0,
        "bad_rate": NOTHING,
    }
    return Performance(**{**given, **changes})


def drift(subject="GrAppv", severity="red", **changes):
    given = {
        "subject": subject,
        "kind": "numeric",
        "test": "ks",
        "effect": {"green": 0.01, "amber": 0.15, "red": 0.4, "no_data": None}[severity],
        "p_value": None if severity == "no_data" else 0.0001,
        "discovered": severity in ("amber", "red"),
        "amber": 0.1,
        "red": 0.3,
        "reference_rows": 4321,
        "current_rows": 987,
        "severity": severity,
    }
    return Drift(**{**given, **changes})


def report(*results):
    windows = [Window(first=date(y, 1, 1), last=date(y, 3, 31), rows=n) for y, n in ((2003, 4321), (2004, 987))]
    return DriftReport(reference=windows[0], current=windows[1], false_discovery_rate=0.05, results=results)


def call(name="loss", subject="log_loss", severity="red", summary="it rose"):
    return Call(name=name, subject=subject, severity=severity, value=0.5, threshold=0.35, summary=summary)


def cause(kind="feature", subject="GrAppv", verdict="data_fault", share=0.8, reason="1000 times"):
    return Cause(kind=kind, subject=subject, share=share, verdict=verdict, reason=reason)


def findings(**changes):
    now = changes.get("now", date(2004, 3, 31))
    given = {
        "use_case": "sba_loans",
        "model": "sba_loans",
        "version": "1",
        "now": now,
        "window": Window(first=now - timedelta(days=89), last=now, rows=987),
        "drift": None,
        "performance": (),
        "expected_loss": Estimate(value=0.1, low=0.09, high=0.11, n=2000),
        "outlier_rate": NOTHING,
    }
    return Findings(**{**given, **changes})
