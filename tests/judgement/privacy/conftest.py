"""One model that was taught with care and some that were not, on 6,000 of the credit card clients."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import xgboost

from components.core.contracts import FloatArray
from components.core.use_case import UseCase, load
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.calibration import Calibration
from components.training.matrices import Matrix
from components.training.scorer import Scorer
from components.training.train import train
from components.training.tune import Trial
from tests.training.clients import write_clients

WithScores = Callable[[Subject, Callable[[Matrix], FloatArray]], Subject]


class Scores:
    """Takes the place of a bundle's ONNX model, which a model this deep would not match to the last digit."""

    def __init__(self, score: Callable[[Matrix], FloatArray]) -> None:
        self.score = score


@pytest.fixture(scope="session")
def card() -> UseCase:
    """The use case, with fewer rows to attack."""
    shipped = load("card_default")
    privacy = shipped.judgement.privacy.model_copy(update={"rows": 600, "sensitive": ("sex",)})
    return shipped.model_copy(update={"judgement": shipped.judgement.model_copy(update={"privacy": privacy})})


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelled data set of every fifth client."""
    return write_clients(tmp_path_factory.mktemp("clients"), every=5)


@pytest.fixture(scope="session")
def careful(card: UseCase, clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """XGBoost with the search's defaults."""
    defaults = dict(algorithm("xgboost").defaults)
    candidate = train(clients, card, Trial(algorithm="xgboost", parameters=defaults, log_loss=0.0, seed=7, number=0))
    target = tmp_path_factory.mktemp("careful") / "draft"
    bundle.write(candidate, card, clients, card.as_of, "0" * 64, target)
    return open_subject(card, target, clients)


@pytest.fixture(scope="session")
def with_scores() -> WithScores:
    """(subject, matrix → scores) → the subject with these scores in place of its own, uncalibrated."""

    def make(subject: Subject, score: Callable[[Matrix], FloatArray]) -> Subject:
        plain = Calibration(slope=1.0, intercept=0.0)
        other = replace(subject.bundle, scorer=cast(Scorer, Scores(score)), calibration=plain)
        return replace(subject, bundle=other)

    return make


@pytest.fixture(scope="session")
def memorising(careful: Subject, with_scores: WithScores) -> Subject:
    """Deep trees that nothing holds back: they know their training rows by heart."""
    model: Any = xgboost.XGBClassifier(
        n_estimators=30, max_depth=10, min_child_weight=0, reg_lambda=0, learning_rate=0.3, n_jobs=1, random_state=7
    )
    model.fit(careful.bundle.transform.apply(careful.train.columns), careful.train.labels)
    return with_scores(careful, lambda matrix: model.predict_proba(matrix)[:, 1])


@pytest.fixture(scope="session")
def ignorant(careful: Subject, with_scores: WithScores) -> Subject:
    """The same score for everybody."""
    return with_scores(careful, lambda matrix: np.full(len(matrix), 0.3))
