from pathlib import Path

import pytest

from components.core.errors import FairleadError
from pipelines import catalogue


def test_compiled_yaml_is_fresh() -> None:
    assert catalogue.compile_one("training", check=True).endswith("is fresh")


def test_a_stale_yaml_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "COMPILED", tmp_path)
    catalogue.compile_one("training")
    (tmp_path / "training.yaml").write_text("old", encoding="utf-8")
    with pytest.raises(FairleadError, match="make compile"):
        catalogue.compile_one("training", check=True)


def test_compiling_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "COMPILED", tmp_path)
    catalogue.compile_one("training")
    first = (tmp_path / "training.yaml").read_bytes()
    catalogue.compile_one("training")
    assert (tmp_path / "training.yaml").read_bytes() == first
