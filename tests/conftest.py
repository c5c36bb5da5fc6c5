"""What several rooms test with: a small real data set, a model trained on it, and its signed bundle."""

import shutil
from datetime import date
from pathlib import Path

import hypothesis
import polars as pl

# Before anything that imports Feast, which puts Prometheus' client into a mode where registries share their values.
import prometheus_client  # noqa: F401
import pytest

from components.core.artifacts import hash_file
from components.core.config import Settings, read_settings
from components.core.use_case import SHIPPED, UseCase, load
from components.features.history import EVENT_TIMESTAMP, as_instant, history
from components.features.rows import history_columns
from components.judgement.subject import Subject, open_subject
from components.training import bundle, signing
from components.training.algorithms import algorithm
from components.training.candidate import Candidate
from components.training.labels import label_rows
from components.training.sealing import seal
from components.training.train import predict, train
from components.training.tune import Trial
from tests.cards import card_of
from tests.training.clients import write_clients

SAMPLE = SHIPPED.parents[1] / "components" / "data" / "samples" / "sba_ca_1997_2012.parquet"
CARD_SAMPLE = SAMPLE.with_name("uci_default_credit.parquet")
AS_OF = date(2008, 12, 31)


# How long an example takes says something of the machine, not of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

SHARED = ("finished", "validated", "our_cluster")
"""Fixtures that take so long that only one worker should make them: a run of the pipeline, a process with TFDV, a
control plane with every kind."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep in one worker what shares a slow fixture, and otherwise the tests of a file."""
    item.add_marker(pytest.mark.xdist_group(_slow_fixture(item) or item.nodeid.partition("::")[0]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: not _slow_fixture(item))


def _slow_fixture(item: pytest.Item) -> str:
    return next((name for name in SHARED if name in getattr(item, "fixturenames", ())), "")


@pytest.fixture(scope="session")
def sba() -> UseCase:
    return load("sba_loans")


@pytest.fixture(scope="session")
def small_dataset(sba: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every seventh loan approved to the end of 2009, with its real histories, labelled as of 2008."""
    folder = tmp_path_factory.mktemp("small_dataset")
    clean = _clean(pl.read_parquet(SAMPLE), sba)
    rows = clean.filter(pl.col("ApprovalDate") <= date(2009, 12, 31)).gather_every(7)
    for entity in sba.features.entities:
        changes = history(clean, sba, entity).select(entity.column, EVENT_TIMESTAMP, *history_columns(entity.name))
        rows = (
            rows.with_columns(at=as_instant(pl.col("ApprovalDate")))
            .sort("at")
            .join_asof(
                changes.sort(EVENT_TIMESTAMP),
                left_on="at",
                right_on=EVENT_TIMESTAMP,
                by=entity.column,
                check_sortedness=False,
            )
            .drop("at", EVENT_TIMESTAMP, strict=False)
        )
    features = rows.rename({sba.data.row_id: "row_id", "y": "outcome", "ChgOffDate": "outcome_time"}).with_columns(
        event_time=pl.col("ApprovalDate")
    )
    features.write_parquet(folder / "features.parquet")
    label_rows(folder / "features.parquet", sba, AS_OF, folder / "dataset.parquet")
    return folder / "dataset.parquet"


@pytest.fixture(scope="session")
def candidate(sba: UseCase, small_dataset: Path) -> Candidate:
    """XGBoost with the search's defaults."""
    return train(small_dataset, sba, _trial("xgboost"))


@pytest.fixture(scope="session")
def baseline(sba: UseCase, small_dataset: Path) -> Candidate:
    """Logistic regression with the search's defaults."""
    return train(small_dataset, sba, _trial("logistic"))


@pytest.fixture(scope="session")
def predictions(candidate: Candidate, sba: UseCase, small_dataset: Path) -> Path:
    target = small_dataset.with_name("predictions.parquet")
    predict(candidate, small_dataset, sba, target)
    return target


@pytest.fixture(scope="session")
def session_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose home is thrown away, with a key pair in it."""
    settings = read_settings({"FAIRLEAD_HOME": str(tmp_path_factory.mktemp("home")), "USER": "tester"})
    signing.ensure_key(settings.signing_key, settings.verify_key)
    return settings


@pytest.fixture(scope="session")
def signed_bundle(
    candidate: Candidate,
    sba: UseCase,
    small_dataset: Path,
    session_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A signed bundle; tests that change a bundle take a copy of it."""
    folder = tmp_path_factory.mktemp("bundles")
    known = small_dataset.with_name("features.parquet")
    bundle.write(candidate, sba, small_dataset, AS_OF, hash_file(SAMPLE), folder / "draft", known)
    keys = session_settings.signing_key, session_settings.verify_key
    labels = label_rows(known, sba, AS_OF, folder / "again.parquet")
    card = card_of(folder / "draft", sba, labels)
    seal(folder / "draft", card.to_markdown(), card.model_dump_json(), *keys, folder / "sba")
    return folder / "sba"


@pytest.fixture
def draft(signed_bundle: Path, tmp_path: Path) -> Path:
    """The bundle as the training step wrote it, before it was sealed; a copy of the test's own."""
    return shutil.copytree(signed_bundle.with_name("draft"), tmp_path / "draft")


def _trial(name: str) -> Trial:
    return Trial(algorithm=name, parameters=dict(algorithm(name).defaults), log_loss=0.0, seed=7, number=0)


def _clean(raw: pl.DataFrame, sba: UseCase) -> pl.DataFrame:
    """Cast as the use case says and keep the rows within their domains; quarantine proper is tested in its room."""
    types = {"int": pl.Int64, "float": pl.Float64, "date": pl.Date}
    columns = []
    for name, column in sba.data.columns.items():
        if column.kind == "category":
            whole = pl.col(name).cast(pl.Int64) if raw.schema[name].is_numeric() else pl.col(name)
            columns.append(whole.cast(pl.String))
        else:
            columns.append(pl.col(name).cast(types[column.kind]))
    frame = raw.select(columns)
    for name, column in sba.data.columns.items():
        if column.values is not None:
            frame = frame.filter(pl.col(name).is_in(column.values) | pl.col(name).is_null())
        if column.minimum is not None:
            frame = frame.filter(pl.col(name) >= column.minimum)
        if not column.nullable:
            frame = frame.drop_nulls(name)
    after = (pl.col("y") == 0) & pl.col("ChgOffDate").is_null() | (pl.col("ChgOffDate") > pl.col("ApprovalDate"))
    return frame.filter(after, pl.col("SBA_Appv") <= pl.col("GrAppv"))


@pytest.fixture(scope="session")
def card() -> UseCase:
    return load("card_default")


@pytest.fixture(scope="session")
def card_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sixth credit card client, labelled and split as a run does it."""
    return write_clients(tmp_path_factory.mktemp("card_dataset"), every=6)


@pytest.fixture(scope="session")
def card_candidate(card: UseCase, card_dataset: Path) -> Candidate:
    """XGBoost with the search's defaults."""
    return train(card_dataset, card, _trial("xgboost"))


@pytest.fixture(scope="session")
def card_bundle(card: UseCase, card_dataset: Path, card_candidate: Candidate) -> Path:
    """The bundle of credit card clients as the training step wrote it."""
    target = card_dataset.with_name("draft")
    bundle.write(card_candidate, card, card_dataset, card.as_of, hash_file(CARD_SAMPLE), target)
    return target


@pytest.fixture
def card_subject(card: UseCase, card_dataset: Path, card_bundle: Path) -> Subject:
    """What a check looks at, without a champion."""
    return open_subject(card, card_bundle, card_dataset)
