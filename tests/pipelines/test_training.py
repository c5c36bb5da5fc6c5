"""The training pipeline from the raw table to the registered model, run for real."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from kfp import compiler, dsl

from components.core.errors import FairleadError
from components.core.ledger import Ledger
from components.core.use_case import SHIPPED
from components.images import steps as steps_by_image
from components.registry import store
from components.registry.registry import Registry
from pipelines import steps
from pipelines.catalogue import PIPELINES, compiled
from pipelines.parameters import parameters
from pipelines.runners import local
from pipelines.runners.local import Run
from tests.pipelines.conftest import SHARDS, Finished


def test_ends_with_a_registered_challenger(finished: Finished) -> None:
    version = Registry(finished.settings).version("sba_loans", "challenger")
    assert version.contract.as_of == "2003-12-31"
    assert all(g.verdict == "pass" for g in version.gates if g.blocking)


def test_ledger_tells_the_way_and_is_unbroken(finished: Finished) -> None:
    ledger = Ledger(finished.settings.ledger_path)
    assert ledger.verify() == len(ledger.entries())
    (registered,) = ledger.entries("registry.registered")
    assert registered.actor == "tester"
    assert ledger.entries("run.ended")[0].payload["state"] == "SUCCEEDED"


def test_no_row_is_lost_on_the_way(finished: Finished) -> None:
    report = json.loads(finished.run.artifact("check_rows", "report").read_text())
    features = pl.scan_parquet(finished.run.artifact("build_features", "features")).select(pl.len()).collect().item()
    assert report["kept"] + report["quarantined"] == report["rows"] == 99_148
    assert features == report["kept"]


def test_leaking_columns_are_found_without_being_told(finished: Finished) -> None:
    report = json.loads(finished.run.artifact("check_leakage", "report").read_text())
    found = {f["column"] for f in report["findings"] if f["leaks"]}
    assert {"Term", "ChgOffDate", "ChgOffPrinGr"} <= found
    assert not any(f["leaks"] and not f["excluded"] for f in report["findings"])


def test_served_scores_agree_with_training(finished: Finished) -> None:
    smoke = json.loads(finished.run.artifact("smoke_test", "report").read_text())
    assert smoke["rows"] == 10_000
    assert smoke["parity_max_abs"] <= 1e-6


def test_report_is_one_page_that_needs_no_network(finished: Finished) -> None:
    page = finished.run.artifact("write_report", "report").read_text(encoding="utf-8")
    assert "src=" not in page
    assert "<link" not in page
    for part in ("Data quality", "The years", "Gates", "Against the champion", "Three requests", "curl"):
        assert part in page


def test_second_run_takes_everything_it_can_from_the_cache(finished: Finished, in_home: Path) -> None:
    lines: list[str] = []
    again = local.run(compiled("training"), parameters("sba_loans", "", "", (SHARDS,)), in_home, lines.append)
    assert {"ingest", "validate_schema", "tune", "train", "evaluate"}.isdisjoint(again.seconds)
    # Signed again, as the keys may have changed since; what is signed is the same, byte for byte.
    bundles = [run.artifact("package", "bundle") for run in (again, finished.run)]
    assert {"package", "track"} <= set(again.seconds)
    assert store.digest(bundles[0]) == store.digest(bundles[1])
    assert len(Registry(finished.settings).versions("sba_loans")) == 1


def _from_the_verdict_on(run: Run) -> object:
    """Make the end of the training pipeline, on what a run has left."""

    def left(step: str, name: str, kind: type[dsl.Artifact] = dsl.Artifact) -> object:
        return dsl.importer(artifact_uri=str(run.artifact(step, name)), artifact_class=kind, reimport=False).output

    @dsl.pipeline(name="from-the-verdict-on")
    def pipeline(use_case: str):
        with dsl.ExitHandler(steps.report_outcome(use_case=use_case)):
            both = {"bundle": left("package", "bundle", dsl.Model), "slices": left("evaluate", "slices")}
            both |= {"use_case": use_case, "smoke": left("smoke_test", "report")}
            with dsl.ParallelFor(["one"]):
                check = left("check", "report")
            judged = steps.judge(
                **both,
                dataset=left("label_rows", "dataset", dsl.Dataset),
                predictions=left("train", "predictions", dsl.Dataset),
                champion_predictions=left("score_champion", "predictions", dsl.Dataset),
                leakage=left("check_leakage", "report"),
                checks=dsl.Collected(check),
            )
            passed = steps.require_gates(verdict=judged.outputs["verdict"])
            chosen, verdict = left("train", "chosen"), judged.outputs["verdict"]
            steps.register(**both, run_id="none", chosen=chosen, verdict=verdict).after(passed)

    return pipeline


def test_a_failed_gate_ends_the_run_with_the_table(finished: Finished, in_home: Path, tmp_path: Path) -> None:
    case = yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8"))
    case["gates"]["floors"].append({"gate": "out_of_reach", "metric": "auc", "minimum": 0.999})
    package = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(_from_the_verdict_on(finished.run), str(package))
    before = Registry(finished.settings).versions("sba_loans")
    with pytest.raises(FairleadError, match=r"step require_gates failed: stopped by out_of_reach\ngate") as failure:
        local.run(package, {"use_case": yaml.safe_dump(case)}, in_home, lambda _: None)
    assert "0.999" in str(failure.value)
    assert Registry(finished.settings).versions("sba_loans") == before
    assert Ledger(finished.settings.ledger_path).entries("run.ended")[-1].payload["state"] == "FAILED"


def test_nothing_is_registered_before_everything_that_can_stop_it() -> None:
    spec = next(yaml.safe_load_all(compiled("training").read_text(encoding="utf-8")))
    (body,) = [c["dag"]["tasks"] for n, c in spec["components"].items() if n.startswith("comp-exit-handler")]
    assert {name for name, task in body.items() if "triggerPolicy" in task} == set()
    needed, open_ends = set(), ["register"]
    while open_ends:
        needed.update(open_ends)
        open_ends = [d for name in open_ends for d in body[name].get("dependentTasks", []) if d not in needed]
    assert {"validate-schema", "check-rows", "check-leakage", "smoke-test", "judge", "require-gates"} <= needed


def test_killed_in_three_steps_it_completed_with_no_half_registered_model(finished: Finished) -> None:
    registry = Registry(finished.settings)
    assert finished.killed_in == ("train", "package", "register")
    assert [v.version for v in registry.versions("sba_loans")] == [1]
    assert registry.audit("sba_loans") == []
    assert not list((finished.settings.home / "bundles").glob(".*"))


def test_each_step_names_the_image_it_runs_in() -> None:
    images = {}
    for pipeline in PIPELINES:
        spec = next(yaml.safe_load_all(compiled(pipeline).read_text(encoding="utf-8")))
        images |= {name: e["container"]["image"] for name, e in spec["deploymentSpec"]["executors"].items()}
    for step, image in steps_by_image.items():
        assert f"/fairlead-{image}:" in images[f"exec-{step.replace('_', '-')}"]
    assert sum("/fairlead-platform:" in image for image in images.values()) == len(images) - len(steps_by_image)
