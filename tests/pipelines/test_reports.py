from pathlib import Path

from pipelines.reports import keep_report
from tests.pipelines.conftest import Finished


def test_a_report_is_named_after_its_version(finished: Finished, tmp_path: Path) -> None:
    kept = keep_report(finished.run, tmp_path)
    assert kept == tmp_path / "reports" / "sba_loans-v1.html"
    assert kept.read_bytes() == finished.run.artifact("write_report", "report").read_bytes()
