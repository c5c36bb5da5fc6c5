"""The checks by name: each looks at a subject and gives a report."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from components.core.contracts import Estimate, SliceMetrics
from components.core.errors import unknown
from components.core.judging import CHECKS
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.subject import Subject, open_subject

MODULES = {
    "explanations": "components.judgement.explanations.check",
    "recourse": "components.judgement.recourse.check",
    "fairness": "components.judgement.fairness.check",
    "robustness": "components.judgement.robustness.check",
    "privacy": "components.judgement.privacy.check",
    "watermark": "components.judgement.watermark.check",
}
"""Each has a function ``check(subject) -> CheckReport``; imported when asked for: their libraries are slow."""


def read_reports(paths: Sequence[Path]) -> tuple[CheckReport, ...]:
    """Read the reports of several checks, in the order of ``CHECKS``."""
    found = [CheckReport.model_validate_json(path.read_bytes()) for path in paths]
    return tuple(sorted(found, key=lambda report: CHECKS.index(report.check)))


def as_metrics(reports: Sequence[CheckReport]) -> list[SliceMetrics]:
    """Give the figures of the checks in the form of metrics, which is how a tracking server takes them."""
    found: dict[tuple[str, str], dict[str, Estimate]] = {}
    for report in reports:
        for figure in report.figures:
            found.setdefault((report.check, figure.of), {})[figure.name] = figure.estimate
    return [SliceMetrics(dataset=check, slice=of, metrics=metrics) for (check, of), metrics in found.items()]


def run_check(
    name: str,
    use_case: UseCase,
    bundle: Path,
    dataset: Path,
    champion: Path | None = None,
    anchors: Path | None = None,
    *,
    watermark_key: Path | None = None,
) -> CheckReport:
    """Run one check on one model; equal arguments give equal reports.

    Args:
        name: one of ``CHECKS``.
        use_case: what the model is for; a check in ``judgement.omit`` is left out with the reason that stands there.
        bundle: the model's.
        dataset: what ``label_rows`` wrote.
        champion: the reigning model's bundle, if there is one.
        anchors: of declined rows, for ``recourse``.
        watermark_key: where the key is that models are marked with here, for ``watermark``.

    Raises:
        FairleadError: no such check, or it cannot be made of these rows.
    """
    if name not in MODULES:
        raise unknown("check", name, CHECKS)
    reason = {str(check): why for check, why in use_case.judgement.omit.items()}.get(name)
    if reason is not None:
        return CheckReport.model_validate({"check": name, "omitted": reason})
    check = cast(Callable[[Subject], CheckReport], importlib.import_module(MODULES[name]).check)
    return check(open_subject(use_case, bundle, dataset, champion, anchors, watermark_key=watermark_key))
