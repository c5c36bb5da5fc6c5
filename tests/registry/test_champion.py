import numpy as np
import polars as pl
import pytest

from components.core.errors import IntegrityError
from components.registry import approvals
from components.registry.champion import score_champion
from components.registry.registry import Registry


@pytest.fixture
def promoted(register, signed_bundle, settings):
    register(signed_bundle)
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id)
    return Registry(settings).promote("sba_loans", 1, asked.id)


def test_without_a_champion_there_are_no_scores(sba, small_dataset, settings, tmp_path):
    assert score_champion(sba, small_dataset, tmp_path / "p.parquet", settings, tmp_path / "scratch") == ""
    empty = pl.read_parquet(tmp_path / "p.parquet")
    assert (empty.columns, len(empty)) == (["row_id", "probability"], 0)


@pytest.mark.usefixtures("promoted")
def test_the_champion_scores_what_it_has_not_learned_from(sba, small_dataset, predictions, settings, tmp_path):
    assert score_champion(sba, small_dataset, tmp_path / "p.parquet", settings, tmp_path / "scratch") == "1"
    scored, made = (pl.read_parquet(p).sort("row_id") for p in (tmp_path / "p.parquet", predictions))
    assert scored["row_id"].equals(made["row_id"])
    learned = made["split"].is_in(["train", "calibration"])
    assert learned.any()
    assert scored["probability"].is_null().equals(learned.alias("probability"))
    difference = (scored["probability"] - made["probability"]).drop_nulls().to_numpy()
    assert np.abs(difference).max() <= 1e-6


def test_a_champion_whose_bundle_was_changed_does_not_score(promoted, sba, small_dataset, settings, tmp_path):
    with open(f"{promoted.uri}/model.onnx", "ab") as f:  # noqa: PTH123 — the URI is a path
        f.write(b"x")
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        score_champion(sba, small_dataset, tmp_path / "p.parquet", settings, tmp_path / "scratch")
