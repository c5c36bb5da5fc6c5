"""Whether a look could tell at all: an alert that nothing was measured for is neither raised nor cleared."""

from collections.abc import Callable, Mapping

from components.monitoring.values import Drift, Findings, Performance

_KINDS = ("missing", "schema")
"""Drift of these kinds has an alert of the same name; all others are ``drift``."""


def measured(findings: Findings, name: str, subject: str) -> bool:
    """Say whether a look had the data to call for an alert; if so, that it did not call means calm.

    An alert on something that is not looked at any more, an input that a new model does not have, counts as measured:
    it would stand for ever otherwise.

    Args:
        findings: of the look.
        name: of the alert; of one that is not known here every look can tell.
        subject: of the alert.
    """
    asked = _BY_NAME.get(name)
    return True if asked is None else asked(findings, name, subject)


def _drift(findings: Findings, name: str, subject: str) -> bool:
    if findings.drift is None:
        return False
    mine = [r for r in findings.drift.of(subject) if _name_of(r) == name]
    return not mine or any(r.severity != "no_data" for r in mine)


def _name_of(result: Drift) -> str:
    return result.kind if result.kind in _KINDS else "drift"


def _loss(findings: Findings, *_: str) -> bool:
    return any(_told(p, "realised", "early") for p in _whole(findings))


def _estimated(findings: Findings, *_: str) -> bool:
    return any(_told(p, "estimated") for p in _whole(findings))


def _both(findings: Findings, *_: str) -> bool:
    return any(_told(p, "estimated") and _told(p, "realised", "early") for p in _whole(findings))


def _group(findings: Findings, _: str, subject: str) -> bool:
    mine = [p for p in findings.performance if p.group == subject]
    return not mine or any(_told(p, "realised", "early") for p in mine)


def _outliers(findings: Findings, *_: str) -> bool:
    return findings.outlier_rate.value is not None


def _fairness(findings: Findings, _: str, subject: str) -> bool:
    figures = [f for cohort in findings.figures.get("fairness", ()) for f in cohort["figures"]]
    mine = [f for f in figures if f"{f['name']} of {f['of']}" == subject]
    return not mine or any(f["estimate"]["value"] is not None for f in mine)


def _mature(findings: Findings, *_: str) -> bool:
    return any(p.mature for p in _whole(findings))


def _whole(findings: Findings) -> list[Performance]:
    return [p for p in findings.performance if p.group == "all"]


def _told(p: Performance, *ways: str) -> bool:
    return any(e.value is not None for way in ways for e in getattr(p, way).values())


_BY_NAME: Mapping[str, Callable[[Findings, str, str], bool]] = {
    "drift": _drift,
    "missing": _drift,
    "schema": _drift,
    "loss": _loss,
    "estimated_loss": _estimated,
    "estimate_broken": _both,
    "group": _group,
    "fairness": _fairness,
    "outliers": _outliers,
    "label_coverage": _mature,
    "label_delay": _mature,
}
