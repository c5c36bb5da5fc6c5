import json
import shutil
from pathlib import Path

import pytest

from components.core.config import Settings
from components.core.contracts import Estimate, SliceMetrics
from components.core.use_case import UseCase
from components.training.sealing import seal
from pipelines.benchmarks.drift.whole_look import looked


@pytest.fixture
def told(signed_bundle: Path, session_settings: Settings, sba: UseCase, tmp_path: Path) -> Path:
    """The small bundle with a card that says what was promised."""
    promised = Estimate(value=0.1, low=0.09, high=0.11, n=5_000)
    metrics = SliceMetrics(dataset="test", slice="all", metrics={sba.monitoring.loss: promised})
    card = {"metrics": [metrics.model_dump()]}
    draft = shutil.copytree(signed_bundle.with_name("draft"), tmp_path / "draft")
    keys = session_settings.signing_key, session_settings.verify_key
    seal(draft, "# A model\n", json.dumps(card), *keys, tmp_path / "told")
    return tmp_path / "told"


def test_a_look_is_timed_from_the_log_to_the_report(told: Path, small_dataset: Path, tmp_path: Path) -> None:
    seconds = looked(told, small_dataset.with_name("features.parquet"), tmp_path / "bench", 700)
    assert {"read", "score", "drift", "report"} <= set(seconds)
    assert all(0 < took < 120 for took in seconds.values())
    assert list((tmp_path / "bench").iterdir()) == []
