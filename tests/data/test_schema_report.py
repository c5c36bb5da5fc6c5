from datetime import date

import pytest

from components.core.errors import FairleadError
from components.data.schema_report import Anomaly, SchemaReport, Severity, require


def _report(severity: Severity) -> SchemaReport:
    anomaly = Anomaly(column="y", kind="out_of_range", reason="2 is too big", severity=severity)
    return SchemaReport(
        use_case="sba_loans",
        as_of=date(2003, 12, 31),
        rows=1,
        schema_file=None,
        note="schema inferred",
        columns=(),
        anomalies=(anomaly,),
        skew=(),
        drift=(),
    )


def test_warning_lets_a_table_pass() -> None:
    require(_report("warning"))


def test_blocking_anomaly_stops_and_is_listed() -> None:
    with pytest.raises(FairleadError, match=r"sba_loans(.|\n)*y: out_of_range: 2 is too big(.|\n)*curate"):
        require(_report("blocking"))


def test_report_survives_json() -> None:
    report = _report("blocking")
    assert SchemaReport.model_validate_json(report.model_dump_json()) == report
