"""A small model that is judged and signed, and real loans after it as its servers would have logged them."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest

from components.core.config import Settings
from components.core.use_case import UseCase
from components.core.watching import Monitoring
from components.features.rows import from_frame
from components.monitoring.watched import Watched, watch
from components.registry import approvals
from components.registry.registry import Registry
from components.serving.guard import Guard
from components.serving.outcomes import record_outcomes
from components.serving.records import Recorder
from components.serving.scored import ScoredBatch
from components.serving.sinks.sqlite import SqliteSink
from components.training import integrity, signing
from components.training.bundle import Bundle
from components.training.candidate import Candidate
from components.training.evaluate import AllMetrics, evaluate
from components.training.labels import with_label
from components.training.sealing import seal

FIRST, NOW = date(2007, 1, 1), date(2009, 12, 31)
"""Days of the logged loans; the model was trained as of the end of 2008, on loans up to the middle of 2004."""

WINDOW_DAYS = 365
"""Of every seventh loan a quarter holds too few."""


@pytest.fixture(scope="session")
def judged_bundle(
    signed_bundle: Path,
    candidate: Candidate,
    predictions: Path,
    sba: UseCase,
    session_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The small bundle, with a card that says how the model was judged."""
    metrics = evaluate(predictions.with_name("dataset.parquet"), predictions, sba, candidate.threshold)
    whole = json.loads((signed_bundle / "model_card.json").read_text())
    card = json.dumps({**whole, "metrics": AllMetrics.dump_python(metrics, mode="json")})
    target = tmp_path_factory.mktemp("judged") / "sba"
    keys = session_settings.signing_key, session_settings.verify_key
    seal(signed_bundle.with_name("draft"), "# A model\n", card, *keys, target)
    return target


@pytest.fixture(scope="session")
def loans(small_dataset: Path) -> pl.DataFrame:
    """All small loans, in hindsight: the table of ``build_features``."""
    return pl.read_parquet(small_dataset.with_name("features.parquet"))


@pytest.fixture(scope="session")
def yearly(sba: UseCase) -> UseCase:
    """The use case with a window that is long enough for so few loans."""
    return watched_by(sba, window_days=WINDOW_DAYS)


@pytest.fixture(scope="session")
def log(judged_bundle: Path, loans: pl.DataFrame, sba: UseCase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prediction log of the loans of 2007 to 2009, with their outcomes as they came to be known."""
    path = tmp_path_factory.mktemp("log") / "predictions.db"
    serve(Bundle.open(judged_bundle), between(loans, FIRST, NOW), path)
    tell(with_label(between(loans, FIRST, NOW), sba.labels.maturity_months), path)
    return path


@pytest.fixture(scope="session")
def watched(judged_bundle: Path, yearly: UseCase, loans: pl.DataFrame) -> Watched:
    return watch(yearly, Bundle.open(judged_bundle), "1", loans)


def crown(settings: Settings, version: int) -> None:
    """Put a registered version in charge."""
    asked = Registry(settings).request("sba_loans", version)
    approvals.approve(settings, asked.id, "for the test")
    Registry(settings).promote("sba_loans", version, asked.id)


def another(bundle: Path, settings: Settings, folder: Path) -> Path:
    """Make another signed bundle of the same model, told apart by its card for people."""
    shutil.copytree(bundle, folder)
    (folder / "model_card.md").write_text(f"# {folder.name}\n", encoding="utf-8")
    (folder / "model.sig").unlink()
    (folder / "checksums.json").write_text(json.dumps(integrity.checksums(folder)), encoding="utf-8")
    signing.sign(folder, settings.signing_key)
    return folder


def watched_by(use_case: UseCase, **settings: object) -> UseCase:
    """Change how a use case is watched."""
    changed = Monitoring.model_validate({**use_case.monitoring.model_dump(), **settings})
    return use_case.model_copy(update={"monitoring": changed})


def between(loans: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Loans of some days."""
    return loans.filter(pl.col("event_time").is_between(first, last))


def serve(
    bundle: Bundle,
    loans: pl.DataFrame,
    path: Path,
    *,
    model: str = "sba_loans",
    version: str = "1",
    change: Callable[[pl.DataFrame], pl.DataFrame] = lambda loans: loans,
) -> None:
    """Log loans as a server that answered them would, on the day of each.

    Args:
        bundle: answers.
        loans: rows of the table of features.
        path: SQLite file of the log.
        model: under whose name.
        version: of the model.
        change: what is wrong with the requests.
    """
    loans = change(loans)
    columns = from_frame(loans, bundle.contract.inputs)
    probability, guard = bundle.probability(columns), Guard.open(bundle.path)
    score, odd = (None, None) if guard is None else guard.score(bundle.transform.apply(columns))
    batch = ScoredBatch(
        at=datetime(2009, 12, 31, tzinfo=UTC).timestamp(),
        request_ids=[str(i) for i in loans["row_id"]],
        row_numbers=[0] * len(loans),
        columns=columns,
        probability=probability,
        decision=bundle.decide(probability),
        latency_ms=[1.0] * len(loans),
        outlier_score=score,
        outlier=odd,
    )
    sink = SqliteSink(path)
    sink.write(Recorder(model, version, "stable", bundle.contract.inputs).records([batch]))
    sink.close()


def tell(loans: pl.DataFrame, path: Path) -> None:
    """Record what became of loans: bad ones when they were charged off, good ones when they matured."""
    known = pl.when(pl.col("label") == 1).then(pl.col("outcome_time").cast(pl.Date)).otherwise("matures")
    told = {"request_id": pl.col("row_id").cast(pl.String), "label": pl.col("label").cast(pl.Int64)}
    record_outcomes(path, loans.select(**told, known_at=known.dt.combine(time(12)).dt.replace_time_zone("UTC")))
