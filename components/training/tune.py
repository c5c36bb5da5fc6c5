"""The search for hyperparameters: seeded trials, judged on the newest rows of the train split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from pydantic import BaseModel, ConfigDict, TypeAdapter

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.training import calibration
from components.training.algorithms import algorithm
from components.training.dataset import Rows, read
from components.training.matrices import prepare
from components.training.splits import TRAIN

VALIDATION_SHARE = 0.3
"""Newest part of the train split, on which trials are compared."""


class Trial(BaseModel):
    """One set of hyperparameters and how well it did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str
    parameters: dict[str, Any]
    log_loss: float
    """Mean log loss on the validation rows, after recalibration to them."""
    seed: int
    number: int
    """Place in its search."""


Trials = TypeAdapter(list[Trial])
"""Reads and writes a shard's trials as JSON."""


def search(dataset: Path, use_case: UseCase, algorithm_name: str, trials: int, seed: int) -> list[Trial]:
    """Try hyperparameters with Optuna's TPE sampler; the same arguments give the same trials.

    The train split is cut by time: a trial learns on the older part and is judged on the newer one. The calibration
    and test splits are not touched, so nothing that is decided later has been seen here. Its loss is taken after
    recalibration, because what is served is recalibrated too: a trial is judged by how it ranks, not by how the
    overall rate moved between the two parts.

    Args:
        dataset: what ``label_rows`` wrote.
        use_case: names the features.
        algorithm_name: ``xgboost`` or ``logistic``.
        trials: how many; the first one always tries the algorithm's defaults.
        seed: for the sampler and the models; shards of one search differ by it.

    Raises:
        FairleadError: no such algorithm, or the train split is too small to be cut.
    """
    chosen = algorithm(algorithm_name)
    data = prepare(*_cut(read(dataset, use_case, TRAIN)), use_case)
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        parameters = chosen.suggest(trial)
        model = chosen.fit(parameters, data, seed)
        loss = _loss(model.predict_proba(data.later_x)[:, 1], data.later_y)
        done.append(
            Trial(algorithm=algorithm_name, parameters=parameters, log_loss=loss, seed=seed, number=trial.number)
        )
        return loss

    study = _study(seed)
    study.enqueue_trial(dict(chosen.defaults))
    study.optimize(objective, n_trials=trials)
    return done


def best(trials: Sequence[Trial]) -> Trial:
    """Pick the trial with the smallest loss; a tie goes to the name, seed and number that come first.

    Raises:
        FairleadError: there are no trials.
    """
    if not trials:
        raise FairleadError("no trials to choose from; ask the search for at least one")
    return min(trials, key=lambda t: (t.log_loss, t.algorithm, t.seed, t.number))


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=4)
    return optuna.create_study(sampler=sampler, direction="minimize")


def _cut(rows: Rows) -> tuple[Rows, Rows]:
    ordered = np.sort(rows.days)
    first_new = ordered[int(len(ordered) * (1 - VALIDATION_SHARE))]
    older, newer = rows.take(rows.days < first_new), rows.take(rows.days >= first_new)
    for part in (older, newer):
        bad = int(part.labels.sum())
        if bad in (0, len(part.labels)):
            raise FairleadError(
                f"the train split cannot be cut at {first_new} for tuning: one part holds {bad} bad of "
                f"{len(part.labels)} rows and both classes are needed; give training more rows"
            )
    return older, newer


def _loss(p: FloatArray, labels: FloatArray) -> float:
    q = np.clip(calibration.fit(p, labels).apply(p), calibration.CLIP, 1 - calibration.CLIP)
    return float(-np.mean(labels * np.log(q) + (1 - labels) * np.log1p(-q)))
