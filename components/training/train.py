"""Training: one model on the train split, calibrated on the next one, with a threshold from the stated costs."""

from pathlib import Path

import numpy as np
import polars as pl

from components.core.artifacts import whole_file
from components.core.contracts import Columns
from components.core.use_case import Training, UseCase
from components.features import transform
from components.features.catalogue import catalogue
from components.features.rows import from_frame, request_fields
from components.training import calibration
from components.training.algorithms import algorithm
from components.training.candidate import Candidate
from components.training.dataset import read
from components.training.splits import CALIBRATION, TRAIN
from components.training.tune import Trial


def train(dataset: Path, use_case: UseCase, trial: Trial) -> Candidate:
    """Make a candidate with the hyperparameters and the seed of a trial; the same arguments give the same model.

    The transform and the model learn on the train split. The calibration split says when to stop boosting and what
    the probabilities are. The test split and the backtest are not read.

    Raises:
        FairleadError: a split is empty or holds one class, or a name is unknown.
    """
    older, newer = read(dataset, use_case, TRAIN), read(dataset, use_case, CALIBRATION)
    fitted = transform.fit(
        transform.select(use_case.features.names, catalogue(use_case.name)), older.columns, older.labels
    )
    later_x = fitted.apply(newer.columns)
    model = algorithm(trial.algorithm).fit(
        trial.parameters, fitted.apply(older.columns), older.labels, later_x, newer.labels, trial.seed
    )
    return Candidate(
        algorithm=trial.algorithm,
        parameters=trial.parameters,
        transform=fitted,
        model=model,
        calibration=calibration.fit(model.predict_proba(later_x)[:, 1], newer.labels),
        threshold=threshold(use_case.training),
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
    probability = candidate.probability(rows).astype(np.float64)
    scored = frame.select("row_id", "split", "label").with_columns(probability=pl.Series(probability))
    with whole_file(target) as scratch:
        scored.write_parquet(scratch)
