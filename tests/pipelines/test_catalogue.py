import re
import subprocess
from pathlib import Path

import pytest
import yaml

from components.core.errors import FairleadError
from pipelines import catalogue, place

every_pipeline = pytest.mark.parametrize("name", catalogue.PIPELINES)


@every_pipeline
def test_compiled_yaml_is_fresh(name: str) -> None:
    assert catalogue.compile_one(name, check=True).endswith("is fresh")


def test_the_workflow_checks_every_place_and_uploads_every_pipeline() -> None:
    path = Path(__file__).parents[2] / ".github" / "workflows" / "pipelines.yml"
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    scripts = {name: "\n".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert "make compile ARGS=--check\n" in scripts["compile"]
    looped = {name: re.findall(r"for \w+ in ([\w ]+); do", script) for name, script in scripts.items()}
    assert {place.DEFAULT, *looped["compile"][0].split()} == set(place.shipped())
    assert looped["upload"][0].split() == list(catalogue.PIPELINES)
    for script in scripts.values():
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)  # noqa: S607
    assert jobs["upload"]["needs"] == "compile"
    # A pull request may bring any code: it never comes to the token.
    assert jobs["upload"]["if"] == "github.event_name == 'push'"


def test_no_yaml_is_left_of_a_pipeline_that_is_gone() -> None:
    assert {path.stem for path in catalogue.COMPILED.glob("*.yaml")} == set(catalogue.PIPELINES)


def test_a_stale_yaml_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "COMPILED", tmp_path)
    catalogue.compile_one("training")
    (tmp_path / "training.yaml").write_text("old", encoding="utf-8")
    with pytest.raises(FairleadError, match="make compile"):
        catalogue.compile_one("training", check=True)


@every_pipeline
def test_compiling_twice_gives_the_same_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "COMPILED", tmp_path)
    catalogue.compile_one(name)
    first = (tmp_path / f"{name}.yaml").read_bytes()
    catalogue.compile_one(name)
    assert (tmp_path / f"{name}.yaml").read_bytes() == first
