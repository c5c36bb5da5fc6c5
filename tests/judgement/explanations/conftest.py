"""What the tests of explanations work on: a model of each kind, opened, and rows."""

from pathlib import Path

import pytest

from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.judgement.explanations.measured import Measured, measure
from components.judgement.subject import Subject
from components.training import bundle as bundles
from components.training.bundle import Bundle
from components.training.dataset import read
from tests.conftest import AS_OF


@pytest.fixture(scope="session")
def trees(signed_bundle: Path) -> Bundle:
    return Bundle.open(signed_bundle)


@pytest.fixture(scope="session")
def linear(baseline, sba, small_dataset, tmp_path_factory) -> Bundle:
    """The bundle of a logistic regression."""
    path = tmp_path_factory.mktemp("linear") / "bundle"
    bundles.write(baseline, sba, small_dataset, AS_OF, "0" * 64, path)
    return Bundle.open(path)


@pytest.fixture(params=["trees", "linear"])
def either(request: pytest.FixtureRequest) -> Bundle:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def rows(sba, small_dataset) -> Columns:
    """120 rows of the test split."""
    return {name: values[:120] for name, values in read(small_dataset, sba, "test").columns.items()}


@pytest.fixture(scope="session")
def small_case(sba) -> UseCase:
    """The use case with few rounds, so that a whole check takes a second."""
    settings = sba.model_dump()
    settings["training"]["bootstrap_rounds"] = 60
    settings["judgement"]["explanations"] = {"background": 20, "quality_rows": 60}
    return UseCase.model_validate(settings)


@pytest.fixture(scope="session")
def first(small_case, trees, small_dataset) -> Measured:
    """Of the trees, without a champion."""
    return measure(Subject(small_case, trees, small_dataset))


@pytest.fixture(scope="session")
def second(small_case, trees, linear, small_dataset) -> Measured:
    """Of the line, with the trees as champion."""
    return measure(Subject(small_case, linear, small_dataset, champion=trees))
