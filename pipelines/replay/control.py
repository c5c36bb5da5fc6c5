"""The control: the same looks at a model in a world that stands still, where every alarm is a false one."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from components.core.config import Settings
from components.core.use_case import UseCase
from components.features.rows import from_frame
from components.monitoring.alerts.book import AlertBook
from components.monitoring.joined import FIRST, KEY, KINDS, TOLD
from components.monitoring.look import look
from components.monitoring.watched import Watched, watch
from components.retraining.bookkeeping import labels_between
from components.retraining.policy import decide
from components.retraining.values import Past
from components.serving.guard import Guard
from components.training import bundle as bundles
from components.training.bundle import Bundle
from components.training.evaluate import AllMetrics, evaluate
from components.training.labels import label_rows
from components.training.sealing import seal
from components.training.train import predict, train
from components.training.tune import best, search
from pipelines.replay.loop import LOOK_MONTHS
from pipelines.replay.values import Control, Moment
from pipelines.replay.ways import Search
from pipelines.replay.world import World, month_ends
from pipelines.stationary import stationary

SEED = 11


@dataclass(frozen=True)
class Period:
    """Which days are replayed, and which rows the still world is filled with.

    Args:
        as_of: training date.
        first: first day that is watched.
        last: last one.
        donors_from: first day of the rows that fill the world.
        donors_until: last one.
    """

    as_of: date
    first: date
    last: date
    donors_from: date
    donors_until: date


def control(features: Path, use_case: UseCase, period: Period, settings: Settings, folder: Path) -> Control:
    """Train a model in the still world, let it answer there, and look as often as in the replay.

    It is trained, judged by nobody, and scored in this process: serving changes nothing of what a look sees.

    Args:
        features: the real table with histories.
        use_case: thresholds and policies, the replay's own.
        period: days.
        settings: for the keys.
        folder: for the model.
    """
    world = World(use_case, stationary(features, use_case, period.donors_from, period.donors_until, SEED))
    bundle = _model(world, use_case, period.as_of, settings, folder)
    return looked_at(watch(use_case, bundle, "control", world.features), world, period, folder)


def looked_at(watched: Watched, world: World, period: Period, folder: Path) -> Control:
    """Let a model answer the loans of a period and look at it as often as in the replay.

    Args:
        watched: the model, with the settings to look by.
        world: the loans.
        period: days.
        folder: for the alert book.
    """
    case = watched.use_case
    book, moments = AlertBook(folder / "alerts.db"), []
    rows = answered(watched, world.between(period.first, period.last))
    trained, retrains, looks = [period.as_of], 0, 0
    for i, now in enumerate(month_ends(period.first, period.last)):
        if (i + 1) % LOOK_MONTHS:
            continue
        looks += 1
        found = look(watched, known(rows, now), now)
        for event in book.observe(found, case.monitoring):
            if event.kind != "cleared":
                moments.append(Moment(day=now, kind="alarm", severity=event.level, text=event.summary, name=event.name))
        labels = labels_between(world.features, case.labels.maturity_months, trained[-1], now)
        past = Past(trained=tuple(trained), new_labels=labels)
        if decide(found, past, case.retraining, now, case.monitoring).action == "retrain":
            retrains += 1
            trained.append(now)
    return Control(looks=looks, rows=len(rows), alarms=tuple(moments), retrains=retrains)


def answered(watched: Watched, loans: pl.DataFrame) -> pl.DataFrame:
    """Answer loans in this process: rows as a prediction log would hold them, all days, and what became of them.

    Args:
        watched: the model.
        loans: of ``World.rows``.

    Returns:
        Columns of ``components.monitoring.joined`` up to ``outlier``, and ``final``, ``charged_off`` and ``matures``.
    """
    inputs = watched.bundle.contract.inputs
    columns = from_frame(loans, inputs)
    matrix = watched.bundle.transform.apply(columns)
    probability = watched.bundle.calibration.apply(watched.bundle.scorer.score(matrix))
    guard = Guard.open(watched.bundle.path)
    score, odd = (None, None) if guard is None else guard.score(matrix)
    return loans.select(
        request_id=pl.col("row_id").cast(pl.String),
        row=pl.lit(0, pl.Int64),
        version=pl.lit(watched.version),
        variant=pl.lit(FIRST),
        event_time=pl.col("event_time"),
        **{f.name: pl.col(f.name).cast(KINDS[f.kind]) for f in inputs},
        probability=pl.Series(probability, dtype=pl.Float64),
        decision=pl.Series(watched.bundle.decide(probability), dtype=pl.Int64),
        outlier_score=pl.lit(None, pl.Float64) if score is None else pl.Series(score, dtype=pl.Float64),
        outlier=pl.lit(None, pl.Boolean) if odd is None else pl.Series(odd),
        final=pl.col("outcome").cast(pl.Int64),
        charged_off=pl.col("outcome_time"),
        matures=pl.col("matures"),
    )


def known(rows: pl.DataFrame, now: date) -> pl.DataFrame:
    """Return the rows of ``answered`` up to a day, with what is known of them by it, as ``Joined.at`` does."""
    bad = ((pl.col("final") == 1) & (pl.col("charged_off") <= now)).fill_null(value=False)
    mature = pl.col("matures") <= now
    in_time = bad & (pl.col("charged_off") <= pl.col("matures"))
    told = rows.filter(pl.col("event_time") <= now).with_columns(
        outcome=pl.when(bad).then(1).when(mature).then(0).cast(pl.Int64),
        outcome_time=pl.when(bad).then("charged_off"),
        known_on=pl.when(bad).then("charged_off").when(mature).then("matures"),
        mature=mature,
        label=pl.when(in_time).then(1.0).when(mature).then(0.0),
    )
    before = rows.columns[: rows.columns.index("final")]
    return told.select(*before, *TOLD).sort("event_time", *KEY)


def _model(world: World, use_case: UseCase, as_of: date, settings: Settings, folder: Path) -> Bundle:
    folder.mkdir(parents=True, exist_ok=True)
    features, dataset, scores = folder / "features.parquet", folder / "dataset.parquet", folder / "scores.parquet"
    world.features.write_parquet(features)
    label_rows(features, use_case, as_of, dataset)
    looked = Search()
    candidate = train(dataset, use_case, best(search(dataset, use_case, looked.algorithm, looked.trials, looked.seed)))
    predict(candidate, dataset, use_case, scores)
    metrics = AllMetrics.dump_python(evaluate(dataset, scores, use_case, candidate.threshold), mode="json")
    bundles.write(candidate, use_case, dataset, as_of, "0" * 64, folder / "draft", features)
    card = json.dumps({"metrics": metrics})
    seal(
        folder / "draft",
        "# A model of the control\n",
        card,
        settings.signing_key,
        settings.verify_key,
        folder / "model",
    )
    return Bundle.open(folder / "model")
