from pathlib import Path

from pipelines.reports import keep_report
from pipelines.runners.local import Run
from tests.monitoring.alerts.looks import findings
from tests.pipelines.conftest import Finished


def test_a_report_is_named_after_its_version(finished: Finished, tmp_path: Path) -> None:
    kept = keep_report(finished.run, tmp_path)
    assert kept == tmp_path / "reports" / "sba_loans-v1.html"
    assert kept.read_bytes() == finished.run.artifact("write_report", "report").read_bytes()


def test_a_look_is_named_after_its_day(tmp_path: Path) -> None:
    (tmp_path / "findings").write_text(findings().model_dump_json(), encoding="utf-8")
    (tmp_path / "report").write_text("<html>", encoding="utf-8")
    outputs = {"look": {"findings": str(tmp_path / "findings")}}
    outputs["write_look_report"] = {"report": str(tmp_path / "report")}
    for _ in range(2):
        kept = keep_report(Run(tmp_path, outputs), tmp_path / "home")
    assert kept == tmp_path / "home" / "reports" / "sba_loans-look-2005-03-31.html"
    assert kept.read_text(encoding="utf-8") == "<html>"
