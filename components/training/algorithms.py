"""The algorithms that can be trained: how each is fitted and where its hyperparameters are looked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import optuna
import xgboost
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from components.core.errors import unknown
from components.training.candidate import Model
from components.training.matrices import Matrices

Parameters = Mapping[str, Any]

ROUNDS = 400
"""Most boosting rounds; early stopping cuts them short."""

PATIENCE = 30
"""Rounds without a better log loss on the later rows before boosting stops."""

THREADS = 1
"""Searches run side by side, one to a core; threads that wait for each other on a busy core are many times slower."""


@dataclass(frozen=True)
class Algorithm:
    """One way to make a model.

    Args:
        fit: (parameters, matrices, seed) → model. It learns on the older rows; the later ones only say when to stop.
        suggest: (Optuna trial) → parameters to try.
        defaults: parameters of the first trial, so that no search ends worse than it began.
    """

    fit: Callable[[Parameters, Matrices, int], Model]
    suggest: Callable[[optuna.Trial], dict[str, Any]]
    defaults: Parameters


def _fit_xgboost(parameters: Parameters, data: Matrices, seed: int) -> Model:
    model = xgboost.XGBClassifier(
        n_estimators=ROUNDS,
        tree_method="hist",
        eval_metric="logloss",
        n_jobs=THREADS,
        random_state=seed,
        monotone_constraints=data.directions,
        # save_best cuts the rounds after the best one off, so that what is exported is what was scored here.
        callbacks=[xgboost.callback.EarlyStopping(rounds=PATIENCE, save_best=True)],
        **parameters,
    )
    model.fit(
        data.x,
        data.y,
        sample_weight=data.weights,
        eval_set=[(data.later_x, data.later_y)],
        sample_weight_eval_set=[data.later_weights],
        verbose=False,
    )
    return cast(Model, model)


def _suggest_xgboost(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "max_depth": trial.suggest_int("max_depth", 2, 6),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
        "min_child_weight": trial.suggest_float("min_child_weight", 1.0, 50.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.6, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.4, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30.0, log=True),
        "max_bin": 64,
    }


def _fit_logistic(parameters: Parameters, data: Matrices, seed: int) -> Model:
    model = Pipeline(
        [
            # A feature without a single value in training keeps its place: the matrix's width is the contract.
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
            ("logistic", LogisticRegression(max_iter=1000, random_state=seed, **parameters)),
        ]
    )
    return cast(Model, model.fit(data.x, data.y, logistic__sample_weight=data.weights))


def _suggest_logistic(trial: optuna.Trial) -> dict[str, Any]:
    return {"C": trial.suggest_float("C", 1e-4, 10.0, log=True)}


ALGORITHMS: Mapping[str, Algorithm] = {
    "xgboost": Algorithm(
        _fit_xgboost,
        _suggest_xgboost,
        {
            "max_depth": 3,
            "learning_rate": 0.1,
            "min_child_weight": 10.0,
            "subsample": 0.8,
            "colsample_bytree": 0.7,
            "reg_lambda": 5.0,
            "max_bin": 64,
        },
    ),
    "logistic": Algorithm(_fit_logistic, _suggest_logistic, {"C": 0.01}),
}
"""By name; the names are those of ``training.algorithms`` in a use case."""


def algorithm(name: str) -> Algorithm:
    """Return an algorithm by name.

    Raises:
        FairleadError: there is none of that name.
    """
    if name not in ALGORITHMS:
        raise unknown("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]
