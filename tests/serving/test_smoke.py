import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import FairleadError
from components.serving.server import REFUSED
from components.serving.smoke import DEFAULT_URL, SmokeReport, smoke
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE


@pytest.fixture(scope="module")
def report(signed_bundle, small_dataset, predictions, session_settings) -> SmokeReport:
    return smoke(signed_bundle, small_dataset, predictions, session_settings, rows=3000, calls=50)


def test_served_and_offline_scores_agree(report):
    assert report.rows == 3000
    assert report.parity_max_abs <= TOLERANCE
    assert report.calls == 50
    assert 0 < report.latency_p50_ms <= report.latency_p95_ms < 1000
    assert 0 < report.startup_seconds < 60


def test_examples_are_answered_as_recorded(report, signed_bundle):
    for found, recorded in zip(report.examples, Bundle.open(signed_bundle).examples(), strict=True):
        assert found.name == recorded["name"]
        assert found.probability == pytest.approx(recorded["probability"], abs=TOLERANCE)
        assert found.decision == recorded["decision"]


def test_a_curl_line_works_as_it_is(report, running):
    line = report.examples[1].curl
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ran = subprocess.run(line.replace(DEFAULT_URL, running.url), shell=True, capture_output=True, check=True)  # noqa: S602
    assert json.loads(ran.stdout)["outputs"][0]["data"] == [report.examples[1].probability]


def test_a_difference_is_reported_with_its_row(signed_bundle, small_dataset, predictions, session_settings, tmp_path):
    frame = pl.read_parquet(predictions)
    off = frame.with_columns(
        probability=pl.col("probability") + pl.when(pl.int_range(pl.len()) == 40).then(0.25).otherwise(0.0)
    )
    off.write_parquet(tmp_path / "predictions.parquet")
    found = smoke(signed_bundle, small_dataset, tmp_path / "predictions.parquet", session_settings, rows=10**6, calls=1)
    assert found.parity_max_abs == pytest.approx(0.25, abs=1e-5)
    assert found.parity_row == str(frame["row_id"][40])
    assert found.rows == len(frame)


def test_a_refused_bundle_fails_with_the_servers_words(
    signed_bundle, small_dataset, predictions, session_settings, tmp_path
):
    copy = shutil.copytree(signed_bundle, tmp_path / "copy")
    (copy / "model.sig").unlink()
    with pytest.raises(FairleadError, match=rf"(?s)ended with status {REFUSED} .*NOT READY: .*it has no model\.sig"):
        smoke(copy, small_dataset, predictions, session_settings)


def test_scores_of_other_rows_are_no_comparison(signed_bundle, small_dataset, session_settings, tmp_path):
    pl.DataFrame({"row_id": np.array([-1]), "probability": [0.5]}).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(FairleadError, match="no score for any row"):
        smoke(signed_bundle, small_dataset, Path(tmp_path / "p.parquet"), session_settings)
