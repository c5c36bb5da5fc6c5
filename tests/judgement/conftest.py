"""Records of the small data set's run that several modules read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.use_case import UseCase
from components.training.evaluate import AllMetrics
from components.training.labels import label_rows
from tests.cards import METRICS, REPORTS, quarantine_of
from tests.conftest import AS_OF


@dataclass(frozen=True)
class Packed:
    """What packaging reads, beside the draft."""

    rows: Path
    labels: Path
    slices: Path
    checks: tuple[Path, ...]


@pytest.fixture
def packed(sba: UseCase, small_dataset: Path, tmp_path: Path) -> Packed:
    """Reports that fit the draft's run; the test's own copies."""
    labels = label_rows(small_dataset.with_name("features.parquet"), sba, AS_OF, tmp_path / "again.parquet")
    labels.write(tmp_path / "labels.json")
    (tmp_path / "rows.json").write_text(quarantine_of(labels).model_dump_json())
    (tmp_path / "slices.json").write_bytes(AllMetrics.dump_json(METRICS))
    for report in REPORTS:
        (tmp_path / f"check-{report.check}.json").write_text(report.model_dump_json())
    checks = tuple(tmp_path / f"check-{report.check}.json" for report in REPORTS)
    return Packed(*(tmp_path / f"{name}.json" for name in ("rows", "labels", "slices")), checks)
