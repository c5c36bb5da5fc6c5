"""What looks find, made up for tests."""

from datetime import date, timedelta

from components.core.contracts import Estimate
from components.core.watching import Monitoring
from components.judgement.check_report import Figure
from components.monitoring.alerts.values import Event
from components.monitoring.values import Call, CohortFairness, Drift, DriftReport, Findings, Performance, Window

DAY = date(2005, 3, 31)
NOTHING = Estimate(value=None, n=0)
AT_ONCE = Monitoring(raise_after=1, clear_after=1)


def day(number: int) -> date:
    """Days one after the other."""
    return DAY + timedelta(days=number)


def estimate(value: float, n: int = 1000) -> Estimate:
    return Estimate(value=value, low=value * 0.9, high=value * 1.1, n=n)


def call(key: str = "loss/log_loss", severity: str = "red", value: float = 0.5) -> Call:
    name, _, subject = key.partition("/")
    return Call(name=name, subject=subject, severity=severity, value=value, threshold=0.35, summary=f"{key} is {value}")


def result(subject: str = "Bank", severity: str = "green", **changes) -> Drift:
    known = {"kind": "numeric", "test": "psi", "effect": 0.3 if severity == "red" else 0.05, "amber": 0.1, "red": 0.25}
    return Drift(
        subject=subject, severity=severity, **{**known, "reference_rows": 9000, "current_rows": 900, **changes}
    )


def report(*results: Drift) -> DriftReport:
    window = Window(first=day(-90), last=DAY, rows=900)
    return DriftReport(reference=window, current=window, false_discovery_rate=0.05, results=results)


def cohort(**changes) -> Performance:
    known = {"cohort": Window(first=day(-1000), last=day(-910), rows=900), "version": "all", "mature": 900}
    known |= {"labelled": 880, "known_bad": 90, "developed": 1.0, "bad_rate": estimate(0.1)}
    known |= {"realised": {"log_loss": estimate(0.4)}, "estimated": {"log_loss": estimate(0.3)}}
    return Performance(**{**known, **changes})


def treated(until: date = DAY, **values: float) -> CohortFairness:
    """How the groups of one attribute were treated: by figure, of the attribute; and of each group one figure."""
    whole = [Figure(name=name, of="sex", estimate=estimate(value)) for name, value in values.items()]
    groups = [Figure(name="selection_rate", of=f"sex={g}", estimate=estimate(v)) for g, v in (("f", 0.5), ("m", 0.6))]
    nothing = Figure(name="average_odds_difference", of="sex", estimate=NOTHING, reason="too few")
    window = Window(first=until - timedelta(days=89), last=until, rows=900)
    return CohortFairness(
        cohort=window, attribute="sex", against="sex=m", labelled=800, figures=(*whole, *groups, nothing)
    )


def findings(*calls: Call, now: date = DAY, **changes) -> Findings:
    """All that a look finds where everything could be measured."""
    known = {"use_case": "sba_loans", "model": "sba_loans", "version": "1", "drift": report(result())}
    known |= {"performance": (cohort(),), "expected_loss": estimate(0.3), "outlier_rate": estimate(0.01)}
    window = Window(first=now - timedelta(days=89), last=now, rows=900)
    return Findings(now=now, window=window, calls=calls, **{**known, **changes})


def event(kind: str = "raised", level: str = "red", before: str = "green", **changes) -> Event:
    known = {"id": "e1", "at": DAY, "use_case": "sba_loans", "model": "sba_loans", "version": "1", "name": "loss"}
    known |= {"subject": "log_loss", "value": 0.5, "threshold": 0.35, "summary": "log loss 0.5", "since": DAY}
    known |= {"runbook": "manifests/monitoring/runbooks/loss.md", "tell": True}
    return Event(kind=kind, level=level, before=before, **{**known, **changes})
