"""The report of a look: one HTML page that needs no network, made from its findings and earlier ones alone."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from components.core.contracts import Estimate
from components.monitoring import charts
from components.monitoring.runbooks import MEANING, alert_name, path_of
from components.monitoring.values import Call, CohortFairness, Drift, Findings, Performance, Severity

TEMPLATES = Path(__file__).parent / "templates"

MOST_EARLIER = 40
"""Earlier looks in the table; the chart has them all."""

PREFERRED = ("log_loss", "brier", "auc", "calibration_error")
"""Metrics in the order in which they are told; others come after them."""

REIGNING = "What its answers are, or would have been, for the rows after those it learned from; alarms go by these."
SERVED = "By whichever version answered at the time."

WIDEST = (
    "selection_rate",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equalised_odds_difference",
    "calibration_gap",
)
"""Figures of fairness that the page tells; all of them are in the findings."""

LABELS_CALLS = ("label_coverage", "label_delay")
LOSS_CALLS = ("loss", "estimated_loss", "group")

_ORDER: tuple[Severity, ...] = ("red", "amber", "no_data", "green")


def write_report(findings: Findings, target: Path, earlier: Sequence[Findings] = ()) -> None:
    """Write the page.

    Args:
        findings: of the look.
        target: the page; folders are made, a page that is there is written over.
        earlier: findings of earlier looks, in any order; those of other use cases and of later days are left out.
    """
    looks = sorted((e for e in earlier if _before(e, findings)), key=lambda e: e.now)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": _number, "estimate": _estimate, "percent": _percent, "words": _words, "p": _p}
    page = environment.get_template("look.html").render(
        f=findings,
        headline=headline(findings),
        advice=advice(findings),
        calls=in_order(findings),
        runbooks=_runbooks(findings),
        loss=loss_of(findings),
        widest=WIDEST,
        tiles=_tiles(findings),
        drift=_by_subject(findings),
        parts=_parts(findings),
        groups=_groups(findings),
        treated=_treated(findings),
        labels=findings.figures.get("labels") or {},
        errors=list((findings.figures.get("estimate_error") or {}).values()),
        detections=findings.figures.get("detections") or [],
        reasons=list((findings.figures.get("no_data") or {}).values()),
        timeline=charts.by_look([*looks, findings], loss_of(findings)) if looks else "",
        earlier=[_look(e) for e in reversed(looks[-MOST_EARLIER:])],
        all_earlier=len(looks),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")


def headline(findings: Findings) -> str:
    """Say in one sentence what was found."""
    counts = [
        f"{n} {severity}" for severity in ("red", "amber") if (n := sum(c.severity == severity for c in findings.calls))
    ]
    if counts:
        many = len(findings.calls) > 1
        return f"{' and '.join(counts)} call{'s' if many else ''} for attention; first: {in_order(findings)[0].summary}"
    if findings.severity == "no_data":
        return "Nothing could be measured, so nothing can be said: this is not a pass."
    return "Nothing calls for attention."


def in_order(findings: Findings) -> list[Call]:
    """Sort the calls: the red ones first, and what concerns the loss before what only moved."""
    return sorted(findings.calls, key=lambda c: (c.severity == "amber", c.name not in LOSS_CALLS))


def advice(findings: Findings) -> list[str]:
    """Say what to do, the most urgent first."""
    names = {c.name for c in findings.calls}
    faults = list(dict.fromkeys(c.subject for c in findings.causes if _is_fault(c.kind, c.verdict)))
    found = []
    if faults:
        found.append(
            f"Mend the data at their source: {', '.join(faults)}. A model trained on them would learn the fault."
        )
    if names & set(LOSS_CALLS) and not faults:
        found.append("The model has got worse. Retraining weighs it by itself; its reasons are in fairlead retraining.")
    if "estimate_broken" in names:
        found.append("Do not rely on what is estimated without labels: what came true was worse.")
    if names & set(LABELS_CALLS):
        found.append("Find out why labels do not arrive: until they do, performance is not known.")
    if "fairness" in names:
        found.append("Take it to whoever answers for fairness: a gate that the model passed is broken in use.")
    if names and not found:
        found.append("Look at the causes below, and at the runbook of each call.")
    if findings.severity == "no_data":
        found.append("See below why there is nothing to measure, and whether servers write the prediction log.")
    return found or ["Nothing to do."]


def loss_of(findings: Findings) -> str:
    """Name the metric that alarms go by: the first whose estimates are tracked, else the first that is told."""
    tracked = findings.figures.get("estimate_error") or {}
    return next(iter(tracked), None) or next(iter(_metrics(findings.performance)), PREFERRED[0])


def _before(one: Findings, findings: Findings) -> bool:
    return one.use_case == findings.use_case and one.now < findings.now


def _is_fault(kind: str, verdict: str) -> bool:
    return kind == "feature" and verdict == "data_fault"


def _runbooks(findings: Findings) -> list[dict[str, str]]:
    names = dict.fromkeys(c.name for c in findings.calls)
    return [{"name": n, "alert": alert_name(n), "meaning": MEANING.get(n, ""), "path": path_of(n)} for n in names]


def _tiles(findings: Findings) -> list[tuple[str, str, str]]:
    """Lay out the few figures that come first: value, what it is, and a class that colours it."""
    loss, window = loss_of(findings), findings.window
    told = [
        (f"{window.rows:,}", f"predictions, {window.first} to {window.last}", "" if window.rows else "no_data"),
        (_estimate(findings.expected_loss), f"{_words(loss)} when it was judged", ""),
    ]
    ways: tuple[tuple[charts.Way, str], ...] = (
        ("realised", "of the newest mature cohort"),
        ("early", "of the newest cohort, by the labels known so far"),
        ("estimated", "of the newest cohort, without labels"),
    )
    for way, of in ways:
        found = charts.newest(findings, way, loss)
        told.append((_estimate(found), f"{_words(loss)} {of}", "" if found else "no_data"))
    return [*told, (_estimate(findings.outlier_rate), "share of odd rows", "")]


def _by_subject(findings: Findings) -> list[dict[str, Any]]:
    """Lay out drift by subject, the worst first, each with its tests and its distributions."""
    if findings.drift is None:
        return []
    importance = findings.figures.get("importance") or {}
    drawn = findings.figures.get("histograms") or {}
    rows = []
    by_name = sorted(findings.drift.results, key=lambda r: r.subject)
    for subject, results in groupby(by_name, key=lambda r: r.subject):
        tests = sorted(results, key=_how_bad)
        rows.append(
            {
                "subject": "all features together" if subject == "*" else subject,
                "severity": tests[0].severity,
                "tests": tests,
                "importance": importance.get(subject),
                "bars": bars(drawn[subject]) if subject in drawn else None,
                "rank": _how_bad(tests[0]),
            }
        )
    return sorted(rows, key=lambda r: (r["rank"], -(r["importance"] or 0), r["subject"]))


def bars(histogram: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out the two shares of each bin as bars 30 high, with what a reader hears in their place.

    >>> bars({"labels": ["a", "b"], "reference": [0.5, 0.5], "current": [1.0, 0.0]})["bars"][0]
    {'x': 1, 'was': 15.0, 'is': 30.0, 'title': 'a: 50.0% before, 100.0% now'}
    """
    labels, was, is_ = histogram["labels"], histogram["reference"], histogram["current"]
    top = max([*was, *is_], default=0) or 1
    drawn = [
        {
            "x": 1 + 12 * i,
            "was": round(30 * a / top, 2),
            "is": round(30 * b / top, 2),
            "title": f"{label}: {a:.1%} before, {b:.1%} now",
        }
        for i, (label, a, b) in enumerate(zip(labels, was, is_, strict=True))
    ]
    return {"width": max(12, 12 * len(drawn)), "bars": drawn}


def _parts(findings: Findings) -> list[dict[str, Any]]:
    """Lay out performance by version: the one that reigns, on which alarms go, then what clients got."""
    loss = loss_of(findings)
    told: list[dict[str, Any]] = []
    for version, title, words in (
        (findings.version, f"Version {findings.version}", REIGNING),
        ("all", "As clients were answered", SERVED),
    ):
        cohorts = [p for p in findings.performance if p.group == "all" and p.version == version]
        if not cohorts:
            continue
        others = [m for m in _metrics(cohorts) if m != loss]
        part = {"title": title, "words": words, "cohorts": cohorts, "others": others, "same": False}
        if told and _without_version(told[0]["cohorts"]) == _without_version(cohorts):
            told.append(part | {"same": True})
            continue
        # Of what clients got, the chart of the loss is enough: the tables have the rest.
        drawn = ["bad_rate", *others] if not told else []
        part["chart"] = charts.by_cohort(cohorts, loss, findings.expected_loss)
        part["charts"] = [(m, charts.by_cohort(cohorts, m)) for m in drawn]
        told.append(part)
    return told


def _without_version(cohorts: Sequence[Performance]) -> list[dict[str, Any]]:
    return [p.model_dump(exclude={"version"}) for p in cohorts]


def _groups(findings: Findings) -> list[Performance]:
    """Pick the newest cohort of each group of which something is known, else its newest cohort."""
    version = findings.version if any(p.version == findings.version for p in findings.performance) else "all"
    newest: dict[str, Performance] = {}
    for p in findings.performance:
        if p.group == "all" or p.version != version:
            continue
        if p.group not in newest or p.realised or p.early:
            newest[p.group] = p
    return [newest[group] for group in sorted(newest)]


def _treated(findings: Findings) -> list[dict[str, Any]]:
    """Lay out the newest cohort of each attribute of which something is told, else its newest cohort."""
    newest: dict[str, CohortFairness] = {}
    for told in findings.figures.get("fairness") or ():
        cohort = CohortFairness.model_validate(told)
        if cohort.attribute not in newest or cohort.severity != "no_data":
            newest[cohort.attribute] = cohort
    rows = []
    for cohort in newest.values():
        of = {(f.name, f.of): f.estimate for f in cohort.figures}
        rows += [
            {"cohort": cohort, "name": cohort.attribute, "figures": [of.get((n, cohort.attribute)) for n in WIDEST]}
        ]
        groups = [f.of for f in cohort.figures if f.name == "selection_rate" and f.of != cohort.attribute]
        rows += [{"cohort": None, "name": name, "figures": [of.get((n, name)) for n in WIDEST]} for name in groups]
    return rows


def _look(findings: Findings) -> dict[str, Any]:
    loss = loss_of(findings)
    known = charts.newest(findings, "early", loss) or charts.newest(findings, "realised", loss)
    return {
        "now": findings.now,
        "severity": findings.severity,
        "version": findings.version,
        "rows": findings.window.rows,
        "known": known,
        "estimated": charts.newest(findings, "estimated", loss),
        "calls": findings.calls,
    }


def _metrics(cohorts: Sequence[Performance]) -> list[str]:
    """List the metrics that have a value in any way of knowing them, the preferred ones first."""
    found = {
        name
        for p in cohorts
        for way in (p.realised, p.early, p.estimated)
        for name, e in way.items()
        if e.value is not None
    }
    return [*(m for m in PREFERRED if m in found), *sorted(found - set(PREFERRED))]


def _how_bad(result: Drift) -> tuple[int, float]:
    return _ORDER.index(result.severity), -(result.effect or 0.0) / (result.red or 1.0)


def _estimate(e: Estimate | None) -> str:
    if e is None or e.value is None:
        return "no data" if e is None else f"no data {_n(e)}"
    interval = "" if e.low is None or e.high is None else f" [{_number(e.low)}, {_number(e.high)}]"
    return f"{_number(e.value)}{interval} {_n(e)}"


def _n(e: Estimate) -> str:
    # Held together on one line.
    return f"(n\u00a0=\u00a0{e.n:,})"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def _percent(value: float | None) -> str:
    return "no data" if value is None else f"{value:.1%}"


def _p(value: float | None) -> str:
    if value is None:
        return "none"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
