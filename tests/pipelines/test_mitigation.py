"""The mitigation pipeline, run for real on some clients: what it tries is what the use case asks for."""

import polars as pl
import pytest
import yaml

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from components.judgement.mitigation.mitigation_report import MitigationReport
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.reports import keep_report
from pipelines.runners import local
from tests.conftest import CARD_SAMPLE

SHARDS = 'shards=[{"algorithm": "logistic", "seed": 1, "trials": 1}]'


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))
    pl.read_parquet(CARD_SAMPLE).gather_every(6).write_parquet(tmp_path / "few.parquet")

    def call(**asked):
        case = yaml.safe_load((SHIPPED / "card_default.yaml").read_text(encoding="utf-8"))
        case["data"] |= {"source": str(tmp_path / "few.parquet"), "sha256": None}
        case["training"] |= {"bootstrap_rounds": 50, "algorithms": ["logistic"]}
        case["judgement"]["mitigation"] = asked
        (tmp_path / "few.yaml").write_text(yaml.safe_dump(case))
        arguments = parameters(str(tmp_path / "few.yaml"), "", "", (SHARDS,), pipeline="mitigation")
        return local.run(compiled("mitigation"), arguments, tmp_path, lambda _: None)

    return call


def test_what_the_use_case_asks_for_is_tried_and_told(run, tmp_path):
    done = run(attribute="sex", ways=["group_thresholds"], strengths=[1.0])
    report = MitigationReport.model_validate_json(done.artifact("try_mitigation", "report").read_bytes())
    assert [point.way for point in report.points] == ["baseline", "group_thresholds"]
    assert "<svg" in keep_report(done, tmp_path).read_text(encoding="utf-8")
    with pytest.raises(FairleadError, match=r"write judgement\.mitigation\.attribute into its YAML"):
        run(attribute="")
