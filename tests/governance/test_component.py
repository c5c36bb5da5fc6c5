import dataclasses
from types import SimpleNamespace

import pytest

from components.core.ledger import Ledger
from components.governance import component
from tests.conftest import AS_OF


@pytest.mark.parametrize(("state", "error"), [("SUCCEEDED", None), ("FAILED", "judge: stopped")])
def test_outcome_step_records_the_final_status(tmp_path, monkeypatch, state, error):
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))
    status = SimpleNamespace(pipeline_job_resource_name="runs/7", state=state, error_message=error)
    component.report_outcome.python_func(use_case="sba_loans", status=status)
    (entry,) = Ledger(tmp_path / "ledger.db").entries("run.ended")
    assert entry.payload == {"use_case": "sba_loans", "run": "runs/7", "state": state, "error": error or ""}


def test_report_step_hands_every_record_in(records, tmp_path):
    names = [f.name for f in dataclasses.fields(records) if f.name != "checks"]
    inputs = {name: SimpleNamespace(path=str(getattr(records, name))) for name in names}
    checks = [SimpleNamespace(path=str(path)) for path in records.checks]
    report = SimpleNamespace(path=str(tmp_path / "report.html"))
    component.write_report.python_func(
        use_case="sba_loans",
        as_of=AS_OF.isoformat(),
        champion="",
        uri="models:/sba_loans/3",
        **inputs,
        checks=checks,
        report=report,
    )
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "trained on what was known on 2008-12-31" in text
    assert all(str(path.path) in text for path in inputs.values())
