from pathlib import Path

import pytest
from kfp import compiler, dsl

from pipelines.benchmarks import overhead
from pipelines.benchmarks.measure import apart
from pipelines.runners import local


@dsl.pipeline(name="small")
def small(use_case: str = "sba_loans"):
    table = overhead.data.ingest(use_case=use_case, source="", freshness="")
    overhead.data.check_rows(use_case=use_case, raw=table.outputs["raw"])


def test_every_step_of_the_environment_is_known_and_no_other() -> None:
    names = set(overhead.own_steps())
    assert {"ingest", "check_rows", "train", "register", "write_report", "report_outcome"} <= names
    assert names.isdisjoint({"validate_schema", "explain_examples"})


def in_one_process(package: Path, home: Path) -> tuple[dict[str, float], int]:
    overhead.settle_in(home)
    local._Handler = overhead._InProcess  # type: ignore[misc]
    run = local.run(package, {}, home, lambda _: None)
    return dict(overhead._InProcess.taken), run.artifact("check_rows", "clean").stat().st_size


def test_called_directly_the_steps_leave_what_they_leave_in_a_run(tmp_path: Path) -> None:
    package = tmp_path / "small.yaml"
    compiler.Compiler().compile(small, str(package))
    taken, size = apart(in_one_process, package, tmp_path / "direct").result
    assert set(taken) == {"ingest", "check_rows"}
    assert all(seconds > 0 for seconds in taken.values())
    run = local.run(package, {}, tmp_path / "run", lambda _: None)
    assert run.artifact("check_rows", "clean").stat().st_size == size


def test_a_home_of_its_own_forgets_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("FAIRLEAD_TRACKING_URI", "http://elsewhere")
    monkeypatch.setenv("FAIRLEAD_HOME", "elsewhere")
    monkeypatch.setenv("FAIRLEAD_ACTOR", "somebody")
    overhead.settle_in(tmp_path)
    assert {k: v for k, v in os.environ.items() if k.startswith("FAIRLEAD_")} == {
        "FAIRLEAD_HOME": str(tmp_path),
        "FAIRLEAD_ACTOR": "bench",
    }
