from pathlib import Path

import pytest

from components.registry.registry import Registry
from pipelines.benchmarks import runs
from pipelines.benchmarks.overhead import NOTHING, Ran
from tests.pipelines.conftest import Finished


@pytest.fixture
def ran(finished: Finished) -> Ran:
    return Ran(finished.settings.home, finished.run.outputs, NOTHING, 1)


def test_a_registration_is_a_whole_one(ran: Ran, tmp_path: Path) -> None:
    whole, checks = runs.registered(ran, tmp_path, 2)
    assert whole > 0
    assert checks > 0
    for i in range(2):
        (version,) = Registry(runs.settings_in(tmp_path / str(i), ran)).versions("sba_loans")
        assert version.registered_by == "bench"
        assert version.uri.startswith(str(tmp_path / str(i)))


def test_the_server_answers_as_training_did(ran: Ran) -> None:
    found = runs.server(ran, 1)
    assert 0 < found["p50"] <= found["p95"]
    assert found["startup"] > 0
    assert found["rows"] == 10_000
    assert found["parity"] <= runs.PARITY


def test_the_model_in_process_takes_time(ran: Ran) -> None:
    assert 0 < runs.scored(ran, rows=20) < 1_000
