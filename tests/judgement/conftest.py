"""Records of the small data set's run that several modules read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.judging import CHECKS
from components.core.use_case import UseCase
from components.data.quarantine import QuarantineReport
from components.judgement.check_report import Chart, CheckReport, Figure, Table
from components.training.evaluate import AllMetrics
from components.training.labels import label_rows
from tests.conftest import AS_OF


@dataclass(frozen=True)
class Packed:
    """What packaging reads, beside the draft."""

    rows: Path
    labels: Path
    slices: Path
    checks: tuple[Path, ...]


RATE = Figure(name="selection_rate", of="sex=female", estimate=Estimate(value=0.6543, low=0.6, high=0.7, n=321))
REPORTS = tuple(
    CheckReport(
        check=name,
        summary=("Women and men are treated alike.",),
        figures=(RATE,),
        meanings={"selection_rate": "share of good decisions"},
        tables=(Table(title="Groups", header=("group", "rows"), rows=(("sex=female", "321"),)),),
        charts=(Chart(title="Rates", svg="<svg></svg>"),),
    )
    if name == "fairness"
    else CheckReport(check=name, omitted=f"no {name} here")
    for name in CHECKS
)
"""Of every check one: one that was made, the others left out with a reason."""


@pytest.fixture
def packed(sba: UseCase, small_dataset: Path, tmp_path: Path) -> Packed:
    """Reports that fit the draft's run; the test's own copies."""
    labels = label_rows(small_dataset.with_name("features.parquet"), sba, AS_OF, tmp_path / "again.parquet")
    labels.write(tmp_path / "labels.json")
    rows = QuarantineReport(
        rows=labels.rows + 3,
        kept=labels.rows,
        quarantined=3,
        share=3 / (labels.rows + 3),
        limit=0.05,
        by_rule={"LowDoc in (N, Y)": 3},
        by_column={"LowDoc": 3},
    )
    (tmp_path / "rows.json").write_text(rows.model_dump_json())
    auc = Estimate(value=0.7123, low=0.65, high=0.75, n=1920)
    measured = [SliceMetrics(dataset="test", slice="all", metrics={"auc": auc})]
    (tmp_path / "slices.json").write_bytes(AllMetrics.dump_json(measured))
    for report in REPORTS:
        (tmp_path / f"check-{report.check}.json").write_text(report.model_dump_json())
    checks = tuple(tmp_path / f"check-{report.check}.json" for report in REPORTS)
    return Packed(*(tmp_path / f"{name}.json" for name in ("rows", "labels", "slices")), checks)
