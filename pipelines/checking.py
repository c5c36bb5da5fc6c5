"""Checks of a registered version by themselves."""

from collections.abc import Callable, Sequence
from pathlib import Path

from components.core import use_case as use_cases
from components.core.config import Settings
from components.core.contracts import GateResult
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.checks import run_check
from components.judgement.gates import blocks, table
from components.judgement.limits import judge_limit
from components.judgement.model_card import ModelCard
from components.judgement.page import judgement_page
from components.judgement.text_table import text_table
from components.registry.registry import Registry
from components.registry.store import fetch
from components.training import signing
from pipelines.dataset import of_version

Say = Callable[[str], object]


def check_version(
    settings: Settings,
    use_case: str,
    which: str,
    names: Sequence[str],
    say: Say,
    scratch: Path,
    dataset: Path | None = None,
    report: Path | None = None,
) -> bool:
    """Run checks on a registered version, beside the champion where it is another one.

    Args:
        settings: where the registry is.
        use_case: name of one that ships, or the path of a YAML file, whose ``judgement`` and ``gates`` then count.
        which: number or alias of the version.
        names: of the checks.
        say: takes one line.
        scratch: a folder for bundles.
        dataset: what ``label_rows`` wrote; None makes the version's own anew from the table.
        report: the page to write; None names it after the version, below the home.

    Returns:
        Whether no gate on what was found stops a release.

    Raises:
        FairleadError: no such version, or a check cannot be made.
    """
    case = use_cases.load(use_case)
    registry = Registry(settings)
    version = registry.version(case.name, which)
    bundle = fetch(version.uri, scratch, settings)
    signing.verify(bundle, settings.verify_key)
    champion = registry.champion(case.name)
    other = None if champion is None or champion.digest == version.digest else fetch(champion.uri, scratch, settings)
    if dataset is None:
        say("making the version's data set")
        dataset = of_version(case, ModelCard.model_validate_json((bundle / "model_card.json").read_bytes()), settings)
    reports = []
    for name in names:
        say(f"checking {name}")
        reports.append(run_check(name, case, bundle, dataset, other, watermark_key=settings.watermark_key))
    gates = limits_on(case, reports)
    page = report or settings.home / "reports" / f"{case.name}-v{version.version}-{'-'.join(names)}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(judgement_page(case, gates, reports, version.model_uri), encoding="utf-8")
    for line in _told(reports, gates):
        say(line)
    say(f"report: {page}")
    return not any(blocks(gate) for gate in gates)


def limits_on(use_case: UseCase, reports: Sequence[CheckReport]) -> list[GateResult]:
    """Hold reports against those of the use case's limits that are about them."""
    made = {report.check for report in reports}
    return [r for limit in use_case.gates.limits if limit.check in made for r in judge_limit(limit, reports)]


def _told(reports: Sequence[CheckReport], gates: Sequence[GateResult]) -> list[str]:
    lines = []
    for report in reports:
        lines += ["", report.check, *([f"left out: {report.omitted}"] if report.omitted else report.summary)]
        rows = [[f.name, f.of, str(f.estimate), f.reason] for f in report.figures]
        lines += [text_table(["figure", "of", "value", "remark"], rows)] if rows else []
    return [*lines, "", table(gates) if gates else "no gate is about this", ""]
