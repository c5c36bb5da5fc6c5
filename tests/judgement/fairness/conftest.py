"""All credit card clients, and a logistic model of them: the baseline, which has no trees."""

from pathlib import Path

import pytest

from components.core.use_case import UseCase, load
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.train import train
from components.training.tune import Trial
from tests.training.clients import write_clients


@pytest.fixture(scope="session")
def card() -> UseCase:
    """The use case that ships, with fewer rounds."""
    shipped = load("card_default")
    return shipped.model_copy(update={"training": shipped.training.model_copy(update={"bootstrap_rounds": 60})})


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their labelled data set."""
    return write_clients(tmp_path_factory.mktemp("clients"), every=1)


@pytest.fixture(scope="session")
def good(card: UseCase, clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A model that reads no attribute."""
    defaults = dict(algorithm("logistic").defaults)
    candidate = train(clients, card, Trial(algorithm="logistic", parameters=defaults, log_loss=0.0, seed=7, number=0))
    target = tmp_path_factory.mktemp("good") / "draft"
    bundle.write(candidate, card, clients, card.as_of, "0" * 64, target)
    return open_subject(card, target, clients)
