"""The report of a training run: one HTML page, generated from the run's records, that needs no network."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from components.core.contracts import Contract
from components.core.errors import FairleadError
from components.core.judging import TITLES
from components.core.use_case import UseCase
from components.judgement.check_report import CheckReport
from components.judgement.explanation import AllAnchors
from components.judgement.page import environment
from components.judgement.verdict import Verdict
from components.training import charts
from components.training.curves import AllCurves
from components.training.labels import LabelReport
from components.training.splits import TEST

TEMPLATES = Path(__file__).parent / "templates"

QUARANTINE_EXAMPLES = 3
"""Rows shown of each rule."""


@dataclass(frozen=True)
class Records:
    """Files that a run's steps wrote; the report says nothing that is not in them."""

    clean: Path
    quarantine: Path
    rows: Path
    schema: Path
    leakage: Path
    labels: Path
    slices: Path
    curves: Path
    chosen: Path
    verdict: Path
    smoke: Path
    explanations: Path
    registered: Path
    bundle: Path
    checks: tuple[Path, ...] = ()


def write_report(use_case: UseCase, as_of: date, champion: str, uri: str, records: Records, target: Path) -> None:
    """Write the page.

    Args:
        use_case: what was predicted.
        as_of: training date.
        champion: version of the champion that the candidate was judged against, empty when there was none.
        uri: of the registered version.
        records: the run's files.
        target: the page.

    Raises:
        FairleadError: a record is missing, or is not what its step writes; names its file.
    """
    with _reading(records.curves):
        curves = AllCurves.validate_json(records.curves.read_bytes())
    reports = []
    for path in records.checks:
        with _reading(path):
            reports.append(CheckReport.model_validate_json(path.read_bytes()))
    with _reading(records.verdict):
        verdict = Verdict.model_validate_json(records.verdict.read_bytes())
    with _reading(records.explanations):
        explanations = AllAnchors.validate_json(records.explanations.read_bytes())
    with _reading(records.bundle):
        contract = Contract.read(records.bundle / "contract.json")
    with _reading(records.labels):
        labels = LabelReport.model_validate_json(records.labels.read_bytes())
    page = (
        environment(TEMPLATES)
        .get_template("report.html")
        .render(
            case=use_case,
            as_of=as_of,
            champion=champion,
            uri=uri,
            rows=_read(records.rows),
            quarantine=_quarantine(records.quarantine),
            schema=_read(records.schema),
            leakage=_leaks(_read(records.leakage)),
            labels=labels,
            slices=_read(records.slices),
            chosen=_read(records.chosen),
            reports=reports,
            gates=verdict.gates,
            titles=TITLES,
            verdict=verdict,
            smoke=_read(records.smoke),
            explanations=explanations,
            registered=_read(records.registered),
            contract=contract,
            years=_years(use_case, as_of, labels, records.clean),
            roc=charts.roc(curves),
            calibration=charts.calibration(curves),
            lift=charts.lift(curves),
            files={name: str(path) for name, path in vars(records).items() if isinstance(path, Path)},
        )
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")


def _years(use_case: UseCase, as_of: date, labels: LabelReport, clean: Path) -> str:
    year = pl.col(use_case.data.event_time).dt.year()
    with _reading(clean):
        table = (
            pl.scan_parquet(clean)
            .group_by(year.alias("year"))
            .agg(pl.col(use_case.labels.outcome).mean().alias("rate"), pl.len().alias("rows"))
            .sort("year")
            .collect()
        )
    newest = labels.splits[TEST].last_day
    return charts.outcome_by_year(
        table["year"].to_list(),
        table["rate"].to_list(),
        table["rows"].to_list(),
        trained_until=as_of.year if newest is None else newest.year,
        as_of=as_of.year,
    )


def _quarantine(path: Path) -> list[dict[str, Any]]:
    with _reading(path):
        frame = pl.read_parquet(path)
    if frame.is_empty():
        return []
    shown = ["row_id", "rule", "column", "value"]
    heads = [part.head(QUARANTINE_EXAMPLES) for part in frame.select(shown).partition_by("rule", maintain_order=True)]
    return pl.concat(heads).to_dicts()


def _leaks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Keep what the check found; the columns that passed are in the record."""
    return [f for f in report["findings"] if f["leaks"]]


def _read(path: Path) -> Any:
    with _reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, PolarsError) as error:
        raise FairleadError(f"record {path} cannot be read: {error}; run the step that writes it again") from error
