from pathlib import Path

import pytest
from kfp import compiler, dsl

from pipelines.benchmarks import overhead
from pipelines.benchmarks.measure import apart
from pipelines.benchmarks.overhead import Spent


@dsl.pipeline(name="small")
def small(use_case: str = "sba_loans"):
    table = overhead.data.ingest(use_case=use_case, source="", freshness="")
    overhead.data.check_rows(use_case=use_case, raw=table.outputs["raw"])


def test_every_step_of_the_environment_is_known_and_no_other() -> None:
    names = set(overhead.own_steps())
    assert {"ingest", "check_rows", "train", "register", "write_report", "report_outcome"} <= names
    assert names.isdisjoint({"validate_schema", "explain_examples"})


def ran_with(handler: type[overhead._Metered], package: Path, home: Path) -> tuple[dict[str, Spent], int]:
    overhead.settle_in(home)
    run = overhead.run_with(handler, package, {}, home, lambda _: None)
    return handler.taken, run.artifact("check_rows", "clean").stat().st_size


def test_called_directly_the_steps_leave_what_they_leave_in_a_run(tmp_path: Path) -> None:
    package = tmp_path / "small.yaml"
    compiler.Compiler().compile(small, str(package))
    through, size = apart(ran_with, overhead._Metered, package, tmp_path / "through").result
    called, same_size = apart(ran_with, overhead._InProcess, package, tmp_path / "called").result
    assert set(through) == set(called) == {"ingest", "check_rows"}
    assert size == same_size
    assert all(spent.seconds > 0 and spent.cpu > 0 for spent in (*through.values(), *called.values()))
    # Through the runner, kfp is imported a second time, by the worker.
    assert sum(spent.cpu for spent in through.values()) > sum(spent.cpu for spent in called.values())


def test_spent_adds_up() -> None:
    assert Spent(3, 2) - Spent(1, 1) + Spent(0.5, 0) == Spent(2.5, 1)


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
