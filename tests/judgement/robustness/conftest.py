"""A quarter of the credit card clients, and two models of them: a good one and a brittle one."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from components.core.contracts import FloatArray
from components.core.explaining import Explanations
from components.core.use_case import UseCase, load
from components.judgement.check_report import CheckReport
from components.judgement.robustness.check import check
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.scorer import Scorer
from components.training.train import train
from components.training.tune import Trial
from tests.training.clients import write_clients

AS_OF = date(2005, 12, 31)


@pytest.fixture(scope="session")
def card() -> UseCase:
    """The shipped use case with settings that make a check quick."""
    use_case = load("card_default")
    settings = use_case.judgement.robustness.model_copy(update={"rows": 40, "queries": 80})
    return use_case.model_copy(
        update={
            "judgement": use_case.judgement.model_copy(update={"robustness": settings}),
            "training": use_case.training.model_copy(update={"bootstrap_rounds": 60}),
        }
    )


@pytest.fixture(scope="session")
def card_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clients(tmp_path_factory.mktemp("card"), every=4)


@pytest.fixture(scope="session")
def good(card: UseCase, card_dataset: Path) -> Subject:
    """XGBoost with the search's defaults."""
    return open_subject(card, made(card, card_dataset, "good"), card_dataset)


@pytest.fixture(scope="session")
def brittle(good: Subject) -> Subject:
    """The good model with a fault: paying 500 dollars more or less turns its mind."""
    place = good.bundle.contract.features.index("log_paid_sep")
    scorer = cast(Scorer, Fickle(good.bundle.scorer, place))
    return replace(good, bundle=replace(good.bundle, scorer=scorer), champion=good.bundle)


@pytest.fixture(scope="session")
def good_report(good: Subject) -> CheckReport:
    return check(good)


@pytest.fixture(scope="session")
def brittle_report(brittle: Subject) -> CheckReport:
    return check(brittle)


@dataclass(frozen=True)
class Fickle:
    """A scorer that adds a square wave of what was paid in September to the logit of another one."""

    scorer: Scorer
    place: int

    def score(self, matrix: npt.NDArray[np.float32]) -> FloatArray:
        p = self.scorer.score(matrix).astype(np.float64)
        wave = np.sign(np.sin(2 * np.pi * np.expm1(matrix[:, self.place].astype(np.float64)) / 1_000))
        return 1 / (1 + np.exp(-(np.log(p / (1 - p)) + wave)))


def made(use_case: UseCase, dataset: Path, name: str, algorithm_name: str = "xgboost") -> Path:
    """Train a model and write its bundle."""
    chosen = dict(algorithm(algorithm_name).defaults)
    trial = Trial(algorithm=algorithm_name, parameters=chosen, log_loss=0.0, seed=7, number=0)
    target = dataset.with_name(name)
    bundle.write(train(dataset, use_case, trial), use_case, dataset, AS_OF, "0" * 64, target)
    return target


def with_settings(subject: Subject, **settings: object) -> Subject:
    """The same subject under other settings of the check."""
    judging = subject.use_case.judgement
    robustness = judging.robustness.model_copy(update=settings)
    use_case = subject.use_case.model_copy(update={"judgement": judging.model_copy(update={"robustness": robustness})})
    return replace(subject, use_case=use_case)


def without_levers(subject: Subject) -> Subject:
    """The same subject, of a use case in which nothing can be acted on."""
    return replace(subject, use_case=subject.use_case.model_copy(update={"explanations": Explanations()}))
