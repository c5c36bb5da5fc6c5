import dataclasses
import logging

import numpy as np
import polars as pl
import pytest

from components.core.errors import IntegrityError
from components.registry import approvals
from components.registry.champion import score_champion
from components.registry.registry import Registry
from components.training import bundle, integrity
from components.training.bundle import Bundle
from components.training.splits import unlearned


@pytest.fixture
def promoted(register, signed_bundle, settings):
    register(signed_bundle)
    asked = Registry(settings).request("sba_loans", 1)
    approvals.approve(settings, asked.id)
    return Registry(settings).promote("sba_loans", 1, asked.id)


def test_without_a_champion_there_are_no_scores(sba, small_dataset, settings, tmp_path):
    assert score_champion(sba, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings) == ""
    empty = pl.read_parquet(tmp_path / "p.parquet")
    assert (empty.columns, len(empty)) == (["row_id", "probability"], 0)
    assert [p.name for p in (tmp_path / "champion").iterdir()] == ["NO_CHAMPION"]


@pytest.mark.usefixtures("promoted")
def test_the_champion_scores_what_it_has_not_learned_from(sba, small_dataset, predictions, settings, tmp_path):
    assert score_champion(sba, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings) == "1"
    scored, made = (pl.read_parquet(p).sort("row_id") for p in (tmp_path / "p.parquet", predictions))
    assert scored["row_id"].equals(made["row_id"])
    assert Bundle.open(tmp_path / "champion").contract.model == "sba_loans"
    learned = made["split"].is_in(["train", "calibration"])
    assert learned.any()
    assert scored["probability"].is_null().equals(learned.alias("probability"))
    difference = (scored["probability"] - made["probability"]).drop_nulls().to_numpy()
    assert np.abs(difference).max() <= 1e-6


def test_a_champion_whose_bundle_was_changed_does_not_score(promoted, sba, small_dataset, settings, tmp_path):
    with open(f"{promoted.uri}/model.onnx", "ab") as f:  # noqa: PTH123 — the URI is a path
        f.write(b"x")
    with pytest.raises(IntegrityError, match=r"model\.onnx"):
        score_champion(sba, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings)


@pytest.fixture
def changed_code(promoted, monkeypatch):
    """A feature's module was written anew: bundles made before have another code fingerprint."""
    assert promoted.version == 1
    original = integrity.scoring_code
    monkeypatch.setattr(integrity, "scoring_code", lambda t: {**original(t), "components.features.sba_loans": "0" * 64})


def _catalogue_without(name):
    return lambda use_case: {k: v for k, v in original_catalogue(use_case).items() if k != name}


def _catalogue_with_another(name):
    def altered(use_case):
        features = original_catalogue(use_case)
        feature = features[name]
        return {**features, name: dataclasses.replace(feature, compute=lambda r, s: feature.compute(r, s) * 2 + 100)}

    return altered


original_catalogue = bundle.catalogue


@pytest.mark.usefixtures("changed_code")
def test_a_champion_scores_with_code_that_was_changed_and_still_agrees(
    promoted, sba, small_dataset, predictions, settings, tmp_path
):
    with pytest.raises(IntegrityError, match="code: module"):
        Bundle.open(settings.home / promoted.uri)
    assert score_champion(sba, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings) == "1"
    scored, made = (pl.read_parquet(p).sort("row_id") for p in (tmp_path / "p.parquet", predictions))
    difference = (scored["probability"] - made["probability"]).drop_nulls().to_numpy()
    assert len(difference) > 0
    assert np.abs(difference).max() <= 1e-6


@pytest.mark.parametrize(
    ("altered", "says"),
    [(_catalogue_without, "unknown feature"), (_catalogue_with_another, "example 'middling risk': scores")],
)
def test_a_champion_that_this_code_cannot_score_stops_the_run_and_tells_the_ways_out(
    promoted, sba, small_dataset, settings, tmp_path, monkeypatch, altered, says
):
    monkeypatch.setattr(bundle, "catalogue", altered(promoted.contract.features[0]))
    with pytest.raises(IntegrityError, match=says) as caught:
        score_champion(sba, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings)
    for way in ("Bring back", "promote another version", "gates.champion.required: false"):
        assert way in str(caught.value)


def test_a_champion_that_is_not_required_gives_no_scores_where_it_cannot(
    promoted, sba, small_dataset, settings, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(bundle, "catalogue", _catalogue_without(promoted.contract.features[0]))
    free = sba.gates.champion.model_copy(update={"required": False})
    case = sba.model_copy(update={"gates": sba.gates.model_copy(update={"champion": free})})
    with caplog.at_level(logging.WARNING):
        assert (
            score_champion(case, small_dataset, tmp_path / "p.parquet", tmp_path / "champion", settings=settings) == "1"
        )
    assert "champion 1 of sba_loans cannot be scored here" in caplog.text
    scored = pl.read_parquet(tmp_path / "p.parquet")
    assert scored["row_id"].equals(pl.read_parquet(small_dataset)["row_id"])
    assert scored["probability"].is_null().all()
    assert scored.schema["probability"] == pl.Float64


def test_a_champion_of_shuffled_rows_is_asked_about_those_it_was_held_back_from(card_bundle, card_dataset):
    bundled = Bundle.open(card_bundle)
    frame = pl.read_parquet(card_dataset)
    assert bundled.contract.held_out is not None
    assert unlearned(bundled.contract, frame).to_list() == (frame["split"] == "test").to_list()
