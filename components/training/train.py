"""Training: one model on the train split, calibrated on the next one, with a threshold from the stated costs."""

from pathlib import Path

import polars as pl

from components.core.artifacts import whole_file
from components.core.contracts import Columns
from components.core.use_case import Training, UseCase
from components.features.rows import from_frame, request_fields
from components.training import calibration
from components.training.algorithms import algorithm
from components.training.bundle import background_rows
from components.training.candidate import Candidate
from components.training.dataset import read
from components.training.matrices import prepare
from components.training.splits import CALIBRATION, TRAIN
from components.training.tune import Trial
from components.training.watermark import MARKABLE, embed
from components.training.watermark_key import WatermarkKey


def train(dataset: Path, use_case: UseCase, trial: Trial, key: WatermarkKey | None = None) -> Candidate:
    """Make a candidate with the hyperparameters and the seed of a trial; the same arguments give the same model.

    The transform and the model learn on the train split. The calibration split says when to stop boosting and what
    the probabilities are. The test split and the backtest are not read.

    Args:
        dataset: what ``label_rows`` wrote.
        use_case: names the features; ``judgement.watermark.triggers`` says how many marks the model gets.
        trial: hyperparameters and seed.
        key: what the marks come of; without one the model gets none, and neither does one that has no room for them.

    Raises:
        FairleadError: a split is empty or holds one class, a name is unknown, or there is no room for so many marks.
    """
    older = read(dataset, use_case, TRAIN)
    data = prepare(older, read(dataset, use_case, CALIBRATION), use_case)
    model = algorithm(trial.algorithm).fit(trial.parameters, data, trial.seed)
    mark = None
    if key is not None and use_case.judgement.watermark.triggers and trial.algorithm in MARKABLE:
        model, mark = embed(model, data, background_rows(older.columns, use_case.training.seed), use_case, key)
    return Candidate(
        algorithm=trial.algorithm,
        parameters=trial.parameters,
        transform=data.transform,
        model=model,
        calibration=calibration.fit(model.predict_proba(data.later_x)[:, 1], data.later_y, data.later_weights),
        threshold=threshold(use_case.training),
        watermark=mark,
    )


def threshold(training: Training) -> float:
    """Return the probability from which refusing costs less than letting pass.

    Bayes' rule: refuse where p · cost_false_negative ≥ (1 - p) · cost_false_positive. It needs calibrated
    probabilities and no data of its own; the cheapest threshold found on a calibration split with a few dozen bad
    rows would follow their noise.

    >>> threshold(Training(cost_false_negative=4, cost_false_positive=1))
    0.2
    """
    return training.cost_false_positive / (training.cost_false_positive + training.cost_false_negative)


def predict(candidate: Candidate, dataset: Path, use_case: UseCase, target: Path) -> None:
    """Score every row of the data set and write row_id, split, label, probability."""
    frame = pl.read_parquet(dataset)
    rows: Columns = from_frame(frame, request_fields(use_case))
    probability = candidate.probability(rows)
    scored = frame.select("row_id", "split", "label").with_columns(probability=pl.Series(probability))
    with whole_file(target) as scratch:
        scored.write_parquet(scratch)
