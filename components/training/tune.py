"""The search for hyperparameters: seeded trials, judged on the newer rows of the train split."""

from collections.abc import Sequence
from itertools import pairwise
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
from components.training.candidate import Model
from components.training.dataset import Rows, read
from components.training.matrices import Matrices, prepare
from components.training.splits import TRAIN

CUTS = (0.4, 0.6, 0.8, 1.0)
"""Shares of the train split, in order of time: a trial learns on the rows up to one cut and is judged on those up to
the next. One cut alone would leave a few dozen bad rows to judge by, too few to tell two algorithms apart."""


class Trial(BaseModel):
    """One set of hyperparameters and how well it did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: str
    parameters: dict[str, Any]
    log_loss: float
    """Mean log loss over the rows of all windows, after recalibration to each window."""
    seed: int
    number: int
    """Place in its search."""


Trials = TypeAdapter(list[Trial])
"""Reads and writes a shard's trials as JSON."""


def search(dataset: Path, use_case: UseCase, algorithm_name: str, trials: int, seed: int) -> list[Trial]:
    """Try hyperparameters with Optuna's TPE sampler; the same arguments give the same trials.

    The train split is cut by time into expanding windows: a trial learns on the older rows and is judged on the next
    ones, several times over. The calibration and test splits are not touched, so nothing that is decided later has
    been seen here. The loss is taken after recalibration, because what is served is recalibrated too: a trial is
    judged by how it ranks, not by how the overall rate moved between the windows. It is a little too kind, the same
    for all trials, since boosting stops and recalibrates on the rows that it is judged on.

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
    windows = [prepare(older, newer, use_case) for older, newer in _windows(read(dataset, use_case, TRAIN))]
    total = sum(float(window.later_weights.sum()) for window in windows)
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        parameters = chosen.suggest(trial)
        losses = [_losses(chosen.fit(parameters, window, seed), window) for window in windows]
        loss = float(np.sum(np.concatenate(losses)) / total)
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


def _windows(rows: Rows) -> list[tuple[Rows, Rows]]:
    # A day is never cut in two; where all rows are of one day, their places in the shuffle stand in for it.
    when = rows.days if rows.days.min() < rows.days.max() else np.arange(len(rows.days))
    ordered = np.sort(when)
    days = [ordered[int(len(ordered) * cut)] for cut in CUTS[:-1]] + [ordered[-1] + 1]
    found = [(rows.take(when < start), rows.take((when >= start) & (when < end))) for start, end in pairwise(days)]
    usable = [parts for parts in found if all(0 < part.labels.sum() < len(part.labels) for part in parts)]
    if not usable:
        raise FairleadError(
            f"the train split ({len(rows.labels)} rows, {int(rows.labels.sum())} bad) is too small to tune on: "
            f"no cut at {', '.join(map(str, days[:-1]))} leaves both classes on both sides; give training more rows"
        )
    return usable


def _losses(model: Model, data: Matrices) -> FloatArray:
    p, labels, weights = model.predict_proba(data.later_x)[:, 1], data.later_y, data.later_weights
    q = np.clip(calibration.fit(p, labels, weights).apply(p), calibration.CLIP, 1 - calibration.CLIP)
    losses: FloatArray = -weights * (labels * np.log(q) + (1 - labels) * np.log1p(-q))
    return losses
