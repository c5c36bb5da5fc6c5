"""A home in which a judged model reigns and has answered real loans: for tests of whoever watches it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from components.core.config import Settings
from components.core.use_case import SHIPPED
from components.training.bundle import Bundle
from tests.monitoring.served import NOW, WINDOW_DAYS, between, crown, judged_bundle, loans, log, serve
from tests.registry.conftest import empty_store, register, settings, smoke

FIXTURES = (empty_store, judged_bundle, loans, log, register, settings, smoke)

RETRAINING = (
    "{triggers: [performance, schedule], schedule_months: 6, pressure: 1, cool_down_days: 30, minimum_new_labels: 0, "
    "immature: weigh}"
)
"""Due at the end of 2009, whatever a look finds."""


@pytest.fixture
def reigning(settings: Settings, register, judged_bundle: Path) -> Settings:
    """Settings of a home in which the judged bundle reigns as version 1."""
    register(judged_bundle)
    crown(settings, 1)
    return settings


@pytest.fixture(scope="session")
def use_case_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The use case that ships, with a window for few loans, and eager to train anew."""
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8").partition("\nretraining:")[0]
    path = tmp_path_factory.mktemp("use_case") / "sba_loans.yaml"
    text = text.replace("window_days: 90", f"window_days: {WINDOW_DAYS}")
    path.write_text(f"{text}\nretraining: {RETRAINING}\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def features(loans: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of features as a file."""
    path = tmp_path_factory.mktemp("features") / "features.parquet"
    loans.write_parquet(path)
    return path


@pytest.fixture(scope="session")
def short_log(judged_bundle: Path, loans: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a few months, too few loans to compare: looks at it are quick."""
    path = tmp_path_factory.mktemp("short") / "predictions.db"
    serve(Bundle.open(judged_bundle), between(loans, date(2009, 6, 1), NOW), path)
    return path
