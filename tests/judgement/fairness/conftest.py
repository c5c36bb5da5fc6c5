"""All credit card clients, and a logistic model of them: the baseline, which has no trees."""

from pathlib import Path

import polars as pl
import pytest

from components.core.use_case import UseCase, load
from components.data.sources import SAMPLES
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.labels import label_rows
from components.training.train import train
from components.training.tune import Trial


@pytest.fixture(scope="session")
def card() -> UseCase:
    """The use case that ships, with fewer rounds."""
    shipped = load("card_default")
    return shipped.model_copy(update={"training": shipped.training.model_copy(update={"bootstrap_rounds": 60})})


@pytest.fixture(scope="session")
def clients(card: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their labelled data set."""
    folder = tmp_path_factory.mktemp("clients")
    raw = pl.read_parquet(SAMPLES / "uci_default_credit.parquet")
    floats = [name for name, column in card.data.columns.items() if column.kind == "float"]
    rows = raw.with_columns(pl.col(floats).cast(pl.Float64), event_time=pl.col("statement_day")).rename(
        {"client": "row_id", "default": "outcome", "default_day": "outcome_time"}
    )
    rows.write_parquet(folder / "features.parquet")
    label_rows(folder / "features.parquet", card, card.as_of, folder / "dataset.parquet")
    return folder / "dataset.parquet"


@pytest.fixture(scope="session")
def good(card: UseCase, clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A model that reads no attribute."""
    defaults = dict(algorithm("logistic").defaults)
    candidate = train(clients, card, Trial(algorithm="logistic", parameters=defaults, log_loss=0.0, seed=7, number=0))
    target = tmp_path_factory.mktemp("good") / "draft"
    bundle.write(candidate, card, clients, card.as_of, "0" * 64, target)
    return open_subject(card, target, clients)
