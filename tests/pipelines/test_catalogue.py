from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines import catalogue

every_pipeline = pytest.mark.parametrize("name", catalogue.PIPELINES)


@every_pipeline
def test_compiled_yaml_is_fresh(name: str) -> None:
    assert catalogue.compile_one(name, check=True).endswith("is fresh")


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
