"""A quarter of the credit card clients, and models of them: a good one and an over-fitted one."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from components.core.use_case import SHIPPED, UseCase, load
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.labels import label_rows
from components.training.train import train
from components.training.tune import Trial

SAMPLE = SHIPPED.parents[1] / "components" / "data" / "samples" / "uci_default_credit.parquet"
AS_OF = date(2005, 12, 31)
GREEDY_TREES = {"max_depth": 14, "learning_rate": 0.5, "min_child_weight": 0.0, "reg_lambda": 0.0, "max_bin": 1024}


@pytest.fixture(scope="session")
def card() -> UseCase:
    """The shipped use case with settings that make a check quick."""
    use_case = load("card_default")
    settings = use_case.judgement.robustness.model_copy(update={"rows": 40, "queries": 120})
    return use_case.model_copy(
        update={
            "judgement": use_case.judgement.model_copy(update={"robustness": settings}),
            "training": use_case.training.model_copy(update={"bootstrap_rounds": 60}),
        }
    )


@pytest.fixture(scope="session")
def card_dataset(card: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    texts = [name for name, column in card.data.columns.items() if column.kind == "category"]
    features = (
        pl.read_parquet(SAMPLE)
        .gather_every(4)
        .with_columns(pl.col(texts).cast(pl.Int64).cast(pl.String), event_time=pl.col("statement_day"))
        .rename({"client": "row_id", "default": "outcome", "default_day": "outcome_time"})
    )
    features.write_parquet(folder / "features.parquet")
    label_rows(folder / "features.parquet", card, AS_OF, folder / "dataset.parquet")
    return folder / "dataset.parquet"


@pytest.fixture(scope="session")
def good(card: UseCase, card_dataset: Path) -> Subject:
    """XGBoost with the search's defaults."""
    return open_subject(card, made(card, card_dataset, "good", {}), card_dataset)


@pytest.fixture(scope="session")
def overfitted(card: UseCase, card_dataset: Path) -> Subject:
    """Deep trees that nothing holds back: every client has a leaf of their own."""
    free = card.model_copy(update={"training": card.training.model_copy(update={"increasing": ()})})
    return open_subject(free, made(free, card_dataset, "overfitted", GREEDY_TREES), card_dataset)


def made(use_case: UseCase, dataset: Path, name: str, parameters: dict[str, float]) -> Path:
    """Train a model and write its bundle."""
    chosen = {**algorithm("xgboost").defaults, **parameters}
    candidate = train(dataset, use_case, Trial(algorithm="xgboost", parameters=chosen, log_loss=0.0, seed=7, number=0))
    target = dataset.with_name(name)
    bundle.write(candidate, use_case, dataset, AS_OF, "0" * 64, target)
    return target
