"""What the tests of explanations work on: a model of each kind, opened, and rows."""

from pathlib import Path

import pytest

from components.core.contracts import Columns
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
