"""The check: whether decisions treat groups of people alike, and whether features tell who somebody is."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.core.errors import FairleadError
from components.judgement.check_report import Chart, CheckReport
from components.judgement.fairness import calibration, theil
from components.judgement.fairness.charts import rates
from components.judgement.fairness.comparison import Comparison, compare
from components.judgement.fairness.groups import groupings
from components.judgement.fairness.libraries import TOLERANCE, agreement
from components.judgement.fairness.meanings import MEANINGS
from components.judgement.fairness.metrics import Rows
from components.judgement.fairness.proxies import Proxy, find_proxy
from components.judgement.fairness.proxies import figures as told
from components.judgement.fairness.tables import Found, by_estimate, summary, tables
from components.judgement.subject import Subject


def check(subject: Subject) -> CheckReport:
    """Compare groups on the test rows.

    Raises:
        FairleadError: the use case names no attribute, or a column of one is missing.
    """
    fairness = subject.use_case.judgement.fairness
    if not fairness.attributes:
        raise FairleadError(
            f"use case {subject.use_case.name} names no protected attribute; name them in "
            "judgement.fairness.attributes, or leave the check out with its reason: judgement.omit.fairness"
        )
    part = subject.test
    rows = Rows(part.labels, part.decision, part.probability, part.weights)
    compared = [compare(rows, groups, fairness) for groups in groupings(part.frame, fairness)]
    proxies = _proxies(subject)
    figures = [f for c in compared for f in c.figures]
    training, threshold = subject.use_case.training, subject.bundle.contract.threshold
    figures += calibration.figures(rows, compared, training, threshold)
    figures += theil.figures(rows, compared, training.bootstrap_rounds, training.seed)
    figures += told(proxies, compared, part.probability)
    found = by_estimate(figures)
    return CheckReport(
        check="fairness",
        summary=tuple(summary(compared, found, proxies, fairness)),
        figures=tuple(figures),
        meanings=dict(MEANINGS),
        tables=tuple(tables(compared, found, proxies, fairness)),
        charts=(_chart(compared, found),),
        data=_data(compared, proxies, agreement(compared, rows)),
    )


def _proxies(subject: Subject) -> dict[str, Proxy]:
    """Find out how well each attribute is told, by its name; what is told of intersections follows from attributes."""
    fairness, transform = subject.use_case.judgement.fairness, subject.bundle.transform
    learn, test = (
        (transform.apply(part.columns), groupings(part.frame, fairness)[: len(fairness.attributes)])
        for part in (subject.train, subject.test)
    )
    features, seed = subject.bundle.contract.features, subject.use_case.training.seed
    return {
        told.name: find_proxy((learn[0], known), (test[0], told), features, fairness.minimum_rows, seed)
        for known, told in zip(learn[1], test[1], strict=True)
    }


def _chart(compared: Sequence[Comparison], found: Found) -> Chart:
    names = [name for c in compared for name in c.groups.names]
    selected, among_good = (
        {of: e for (figure, of), e in found.items() if figure == wanted}
        for wanted in ("selection_rate", "true_favourable_rate")
    )
    return Chart(
        title="Share with the favourable decision, by group",
        svg=rates(names, selected, among_good),
        note="points with their 95 % intervals; rows of the group in brackets",
    )


def _data(compared: Sequence[Comparison], proxies: Mapping[str, Proxy], agreed: Mapping[str, int]) -> dict[str, Any]:
    return {
        "against": {c.groups.name: c.against for c in compared},
        "agreement": {library: {"figures": n, "tolerance": TOLERANCE} for library, n in agreed.items()},
        "carriers": {
            name: [{"feature": c.feature, "auc_alone": c.alone, "auc_lost": c.lost} for c in proxy.carriers]
            for name, proxy in proxies.items()
        },
    }
