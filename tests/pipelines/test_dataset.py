"""The data set of a use case, made outside a run: the same as the run's, and made once."""

import polars as pl
import pytest

from components.core.config import read_settings
from components.core.errors import IntegrityError
from components.judgement.model_card import ModelCard
from pipelines import dataset
from tests.pipelines.conftest import Finished


def test_it_is_that_of_the_run(finished: Finished, sba) -> None:
    bundle = finished.run.artifact("package", "bundle")
    card = ModelCard.model_validate_json((bundle / "model_card.json").read_bytes())
    made = dataset.of_version(sba, card, finished.settings)
    assert pl.read_parquet(made).equals(pl.read_parquet(finished.run.artifact("label_rows", "dataset")))


def test_what_was_made_is_taken_again_and_another_table_is_another_one(card, tmp_path) -> None:
    settings = read_settings({"FAIRLEAD_HOME": str(tmp_path)})
    first = dataset.prepare(card, card.as_of, settings)
    written = first.stat().st_mtime_ns
    assert dataset.prepare(card, card.as_of, settings) == first
    assert first.stat().st_mtime_ns == written
    fewer = tmp_path / "fewer.parquet"
    pl.read_parquet(tmp_path.joinpath("datasets", first.parent.name, "clean.parquet")).head(3000).write_parquet(fewer)
    other = dataset.prepare(card, card.as_of, settings, source=str(fewer))
    assert other != first
    assert pl.read_parquet(other).height == 3000


def test_a_table_that_the_model_was_not_trained_on_is_refused(card, tmp_path) -> None:
    settings = read_settings({"FAIRLEAD_HOME": str(tmp_path)})
    with pytest.raises(IntegrityError, match="the model was trained on 00"):
        dataset.prepare(card, card.as_of, settings, data_hash="00")
    assert not (tmp_path / "datasets").exists()
