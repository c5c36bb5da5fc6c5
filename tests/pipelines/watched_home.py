"""A home in which a judged model reigns and has answered real loans: for tests of whoever watches it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from components.core.config import Settings
from components.core.use_case import SHIPPED
from components.training.bundle import Bundle
from tests.monitoring.served import NOW, WINDOW_DAYS, between, crown, judged_bundle, loans, log, serve
from tests.registry.conftest import empty_store, register, settings, smoke

FIXTURES = (empty_store, judged_bundle, loans, log, register, settings, smoke)

CHANGES = {
    "monitoring": {"window_days": WINDOW_DAYS, "raise_after": 1, "drift": {"numeric": ["ks", "psi"]}},
    "retraining": {
        "triggers": ["performance", "schedule"],
        "schedule_months": 6,
        "pressure": 1,
        "cool_down_days": 30,
        "minimum_new_labels": 200,
        "immature": "weigh",
    },
}
"""A window for few loans, alarms at once, and a training run that is due at the end of 2009, whatever a look finds."""


@pytest.fixture
def reigning(settings: Settings, register, judged_bundle: Path) -> Settings:
    """Settings of a home in which the judged bundle reigns as version 1."""
    register(judged_bundle)
    crown(settings, 1)
    return settings


@pytest.fixture(scope="session")
def use_case_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The use case that ships, watched and trained anew as ``CHANGES`` says."""
    content = {**yaml.safe_load((SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")), **CHANGES}
    path = tmp_path_factory.mktemp("use_case") / "sba_loans.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
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
