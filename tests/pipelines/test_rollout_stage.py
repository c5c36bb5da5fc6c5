"""A candidate on a real stage: real Envoy, real model servers, live loans; a bad one is back at 0 % within seconds."""

from datetime import date
from pathlib import Path

from components.core.config import Settings
from components.core.ledger import Ledger
from components.core.use_case import UseCase
from components.features.rows import request_fields
from components.training.bundle import Bundle
from pipelines.bad_candidates import miscalibrated
from pipelines.live_traffic import calls
from pipelines.rollout_demo import PLAN
from pipelines.rollout_stage import Scenario, Stage, stage_home


def test_a_bad_candidate_is_rolled_back(
    signed_bundle: Path, small_dataset: Path, sba: UseCase, session_settings: Settings, tmp_path: Path
) -> None:
    settings = stage_home(session_settings, tmp_path / "stage")
    bad = miscalibrated(Bundle.open(signed_bundle), 4.0, settings, tmp_path / "bad")
    features = small_dataset.with_name("features.parquet")
    loans = calls(features, sba, request_fields(sba), date(2000, 1, 1), 6000)
    stage = Stage(settings, str(signed_bundle), lambda _: None)
    try:
        plan = PLAN.model_copy(update={"approval": False})
        ended = stage.show(Scenario("bad", "off by 4 in log-odds", "rolled_back", str(bad)), plan, loans)
    finally:
        stage.close()
    assert ended.phase == "rolled_back", ended.reason
    assert "log_loss is worse than tolerated" in ended.reason
    assert ended.weights[-1] == 0
    kinds = [e.payload["kind"] for e in Ledger(settings.ledger_path).entries("rollout.decided")]
    assert (kinds[0], kinds[-1]) == ("begin", "roll_back")
