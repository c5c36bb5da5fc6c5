import polars as pl
import pytest

from components.core.use_case import UseCase, load
from components.data.columns import typed
from components.data.sources import SAMPLES


@pytest.fixture(scope="session")
def card() -> UseCase:
    case = load("card_default")
    return case.model_copy(update={"training": case.training.model_copy(update={"bootstrap_rounds": 50})})


@pytest.fixture(scope="session")
def clients(card) -> pl.DataFrame:
    """A tenth of the real clients."""
    return typed(pl.read_parquet(SAMPLES / "uci_default_credit.parquet").gather_every(10), card.data)


@pytest.fixture(scope="session")
def others(card) -> pl.DataFrame:
    """As many other real clients: what a perfect generator would draw."""
    return typed(pl.read_parquet(SAMPLES / "uci_default_credit.parquet").gather_every(10, offset=5), card.data)
