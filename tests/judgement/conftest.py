"""Records of the small data set's run that several modules read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.contracts import Estimate, SliceMetrics
from components.core.use_case import UseCase
from components.data.quarantine import QuarantineReport
from components.training.evaluate import AllMetrics
from components.training.labels import label_rows
from tests.conftest import AS_OF


@dataclass(frozen=True)
class Packed:
    """What packaging reads, beside the draft."""

    rows: Path
    labels: Path
    slices: Path


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
    return Packed(*(tmp_path / f"{name}.json" for name in ("rows", "labels", "slices")))
