"""Models that must not be released, and the gates that stop them: unfair, leaking, brittle, memorising.

Each is made on all credit card clients, and held against the gates of the use case that ships; a good one passes them.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from components.core.contracts import FloatArray
from components.core.errors import GateFailed
from components.core.judging import Check
from components.core.use_case import UseCase
from components.data.sources import sample
from components.judgement.checks import MODULES
from components.judgement.gates import blocks
from components.judgement.leakage import judge_columns, require
from components.judgement.limits import judge_limit
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.algorithms import algorithm
from components.training.labels import label_rows
from components.training.scorer import Scorer
from components.training.train import train
from components.training.tune import Trial

TABLE = "uci_default_credit.parquet"

WRONGED = 0.15
"""Share of the women who paid that the biased table calls defaults."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Shown:
    """What became of one model.

    Args:
        name: of the model.
        fault: what is wrong with it.
        gates: that stopped it, by name; none for the good one.
    """

    name: str
    fault: str
    gates: tuple[str, ...]


def show(use_case: UseCase, folder: Path, say: Say) -> list[Shown]:
    """Make the models, judge each where its fault lies, and the good one in all of these respects.

    Args:
        use_case: ``card_default``, or one like it.
        folder: an empty directory to work in.
        say: takes one line of progress.
    """
    rows = pl.read_parquet(sample(TABLE))
    found = []
    for name, (fault, make) in MODELS.items():
        found.append(Shown(name, fault, make(use_case, rows, folder / name)))
        say(f"  {name:<11} {fault}: {'stopped by ' + ', '.join(found[-1].gates) if found[-1].gates else 'passes'}")
    return found


def _good(use_case: UseCase, rows: pl.DataFrame, folder: Path) -> tuple[str, ...]:
    subject = _subject(use_case, rows, folder)
    leaks = _leaks(use_case, rows)
    return (*_stopped(subject, ["fairness", "robustness", "privacy"]), *leaks)


def _unfair(use_case: UseCase, rows: pl.DataFrame, folder: Path) -> tuple[str, ...]:
    """Let it read the sex of clients, from a table that wrongs women."""
    rng = np.random.default_rng(use_case.training.seed)
    wronged = (pl.col("sex") == "2") & (pl.col("default") == 0) & pl.Series(rng.random(len(rows)) < WRONGED)
    day = rows["default_day"].drop_nulls()[0]
    biased = rows.with_columns(
        default=pl.when(wronged).then(1).otherwise("default"),
        default_day=pl.when(wronged).then(pl.lit(day)).otherwise("default_day"),
    )
    names = (*use_case.features.names, "female")
    reading = use_case.model_copy(update={"features": use_case.features.model_copy(update={"names": names})})
    taught = _subject(reading, biased, folder)
    # Women are wronged in what it learns from; whether they are wronged by it is asked of what really happened.
    truth = folder / "truth.parquet"
    pl.read_parquet(taught.dataset).drop("label").join(
        rows.select(row_id="client", label=pl.col("default").cast(pl.Float64)), on="row_id", maintain_order="left"
    ).write_parquet(truth)
    return _stopped(replace(taught, dataset=truth), ["fairness"])


def _leaking(use_case: UseCase, rows: pl.DataFrame, _: Path) -> tuple[str, ...]:
    """Give the table a column that is filled when a default is collected, and nobody excludes it."""
    fees = pl.when(pl.col("default") == 1).then(pl.col("bill_sep").abs() * 0.05 + 300).otherwise(0.0)
    return _leaks(use_case, rows.with_columns(collection_fees=fees))


def _brittle(use_case: UseCase, rows: pl.DataFrame, folder: Path) -> tuple[str, ...]:
    """Put a fault into the good model: 500 dollars more or less paid turn its mind."""
    good = _subject(use_case, rows, folder)
    place = good.bundle.contract.features.index("log_paid_sep")
    fickle = cast(Scorer, _Fickle(good.bundle.scorer, place))
    return _stopped(replace(good, bundle=replace(good.bundle, scorer=fickle)), ["robustness"])


def _memorising(use_case: UseCase, rows: pl.DataFrame, folder: Path) -> tuple[str, ...]:
    """Let trees grow deep and many, with nothing that holds them back and nobody who says when to stop."""
    import xgboost

    good = _subject(use_case, rows, folder)
    model: Any = xgboost.XGBClassifier(
        n_estimators=60, max_depth=10, min_child_weight=0, reg_lambda=0, learning_rate=0.3, n_jobs=1, random_state=7
    )
    model.fit(good.bundle.transform.apply(good.train.columns), good.train.labels)
    scorer = cast(Scorer, _Scores(lambda matrix: model.predict_proba(matrix)[:, 1]))
    return _stopped(Subject(use_case, replace(good.bundle, scorer=scorer), good.dataset), ["privacy"])


MODELS: dict[str, tuple[str, Callable[[UseCase, pl.DataFrame, Path], tuple[str, ...]]]] = {
    "good": ("reads statements alone", _good),
    "unfair": ("reads the sex, from a table that wrongs women", _unfair),
    "leaking": ("a column of the table knows the outcome", _leaking),
    "brittle": ("a small change of a payment turns its mind", _brittle),
    "memorising": ("knows its training rows by heart", _memorising),
}
"""Model → what it is, and what makes and judges it."""


@dataclass(frozen=True)
class _Scores:
    """Takes the place of a bundle's model."""

    score: Callable[[npt.NDArray[np.float32]], FloatArray]


@dataclass(frozen=True)
class _Fickle:
    """Adds a square wave of a payment to the log-odds of another model."""

    scorer: Scorer
    place: int

    def score(self, matrix: npt.NDArray[np.float32]) -> FloatArray:
        p = self.scorer.score(matrix).astype(np.float64)
        wave = np.sign(np.sin(2 * np.pi * np.expm1(matrix[:, self.place].astype(np.float64)) / 1_000))
        turned: FloatArray = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + wave)))
        return turned


def _subject(use_case: UseCase, rows: pl.DataFrame, folder: Path) -> Subject:
    """Train on the rows as a run does, with the search's defaults."""
    folder.mkdir(parents=True)
    data, labels = use_case.data, use_case.labels
    names = {data.row_id: "row_id", labels.outcome: "outcome", labels.outcome_time: "outcome_time"}
    rows.rename(names).with_columns(event_time=pl.col(data.event_time)).write_parquet(folder / "features.parquet")
    dataset = folder / "dataset.parquet"
    label_rows(folder / "features.parquet", use_case, use_case.as_of, dataset)
    trial = Trial(algorithm="xgboost", parameters=dict(algorithm("xgboost").defaults), log_loss=0.0, seed=7, number=0)
    bundle.write(train(dataset, use_case, trial), use_case, dataset, use_case.as_of, "0" * 64, folder / "draft")
    return open_subject(use_case, folder / "draft", dataset)


def _stopped(subject: Subject, checks: Sequence[Check]) -> tuple[str, ...]:
    """Name the gates that stop a model, of those on some checks."""
    reports = [importlib.import_module(MODULES[name]).check(subject) for name in checks]
    limits = [limit for limit in subject.use_case.gates.limits if limit.check in checks]
    results = [result for limit in limits for result in judge_limit(limit, reports)]
    return tuple(dict.fromkeys(result.gate for result in results if blocks(result)))


def _leaks(use_case: UseCase, rows: pl.DataFrame) -> tuple[str, ...]:
    try:
        require(judge_columns(rows, use_case))
    except GateFailed:
        return ("leakage",)
    return ()
