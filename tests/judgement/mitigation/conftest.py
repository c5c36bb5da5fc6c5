"""A made-up world in which a proxy tells two groups apart, and the fronts of real clients."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from components.core.use_case import Training, UseCase
from components.features.transform import Feature, fit
from components.judgement.fairness.groups import Grouping
from components.judgement.mitigation.compare import compare
from components.judgement.mitigation.mitigation_report import MitigationReport
from components.judgement.mitigation.parity import Criterion
from components.judgement.mitigation.problem import Problem
from components.training.algorithms import algorithm
from components.training.matrices import Matrices
from components.training.tune import Trial

NAMES = ("club=members", "club=others", "club=guests")
"""Of the last there are a handful."""


@dataclass(frozen=True)
class World:
    """Rows of one draw: features ``merit``, ``postcode`` (a proxy of the group), ``noise``; labels; groups."""

    x: np.ndarray
    y: np.ndarray
    codes: np.ndarray


def draw(n: int, seed: int) -> World:
    """Others are called bad more often for the same merit, and their postcode gives them away."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=[0.59, 0.4, 0.01])
    merit, noise = rng.normal(size=n), rng.normal(size=n)
    postcode = (codes == 1) + rng.normal(scale=0.5, size=n)
    risk = 1 / (1 + np.exp(1.2 * merit + 1.2 - 1.4 * (codes == 1)))
    x = np.column_stack([merit, postcode, noise]).astype(np.float32)
    return World(x, (rng.random(n) < risk).astype(np.float64), codes)


def trial_of(name: str) -> Trial:
    """The first trial of a search."""
    return Trial(algorithm=name, parameters=dict(algorithm(name).defaults), log_loss=0.0, seed=7, number=0)


def problem_of(name: str = "logistic", criterion: Criterion = "demographic_parity") -> Problem:
    """2,400 training rows and 1,200 calibration rows of that world."""
    older, newer = draw(2400, 1), draw(1200, 2)
    names = ("merit", "postcode", "noise")
    features = [Feature(f, (f,), lambda rows, _, f=f: rows[f]) for f in names]
    data = Matrices(
        transform=fit(features, dict(zip(names, older.x.T, strict=True)), older.y),
        x=older.x,
        y=older.y,
        weights=np.ones(len(older.y)),
        later_x=newer.x,
        later_y=newer.y,
        later_weights=np.ones(len(newer.y)),
        directions=(0, 0, 0),
    )
    groups, later = (Grouping("club", NAMES, w.codes.astype(np.intp)) for w in (older, newer))
    costs = Training(cost_false_negative=3, cost_false_positive=1, bootstrap_rounds=100)
    return Problem(data, groups, later, np.array([0, 1]), criterion, trial_of(name), costs)


@pytest.fixture(scope="session")
def problem() -> Problem:
    """Even out the share with the favourable decision, by a logistic model."""
    return problem_of()


@pytest.fixture(scope="session")
def boosted() -> Problem:
    """Even out the share among good outcomes, by a booster."""
    return problem_of("xgboost", "equal_opportunity")


@pytest.fixture(scope="session")
def fresh() -> World:
    """Rows that nothing has learned from."""
    return draw(6000, 3)


@pytest.fixture(scope="session")
def quick(card: UseCase) -> UseCase:
    """Credit card clients, with few rounds."""
    return card.model_copy(update={"training": card.training.model_copy(update={"bootstrap_rounds": 80})})


@pytest.fixture(scope="session")
def front_of_clients(quick: UseCase, card_dataset: Path) -> MitigationReport:
    """What the quick ways make of real clients."""
    ways = ("reweighing", "one_threshold", "group_thresholds")
    return compare(card_dataset, quick, trial_of("logistic"), "sex", ways=ways, strengths=(0.5, 1.0))


@pytest.fixture
def like(front_of_clients: MitigationReport):
    """Make a report of points like the baseline but for what is told."""

    def made(*changes: dict) -> MitigationReport:
        base = front_of_clients.baseline
        points = (base, *(base.model_copy(update={"strength": 0.5, **change}) for change in changes))
        return front_of_clients.model_copy(update={"points": points})

    return made
