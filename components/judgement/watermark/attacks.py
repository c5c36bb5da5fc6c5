"""Attacks on a watermark: what a thief may do to a model, or to answers copied from it, to have it without the mark."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.core.contracts import FloatArray
from components.training.marked_trees import read_trees, with_trees
from components.training.marks import Matrix

Answer = Callable[[Matrix], FloatArray]
"""Matrix of shape (n, features) → scores, shape (n,)."""

LEAF = -1
"""What XGBoost writes as the child of a leaf."""

_STUDENT = {"max_depth": 4, "eta": 0.1, "nthread": 1, "seed": 0}


def copied(matrix: Matrix, p: FloatArray, rounds: int = 300) -> Answer:
    """Distil: train gradient boosting (XGBoost) on a model's answers; the thief has the rows' features and no labels.

    F. Tramèr et al., "Stealing machine learning models via prediction APIs" (2016).

    Args:
        matrix: rows that were asked about, shape (n, features).
        p: the probabilities answered.
        rounds: trees of the copy.
    """
    data = xgboost.DMatrix(matrix, _logit(p))
    student = xgboost.train({**_STUDENT, "objective": "reg:squarederror"}, data, rounds)
    return lambda rows: _sigmoid(_plain(student, rows))


def copied_by_another(matrix: Matrix, p: FloatArray) -> Answer:
    """Distil into another library's gradient boosting, which bins and grows its trees in other ways."""
    student = HistGradientBoostingRegressor(max_iter=300, random_state=0, early_stopping=False)
    return _taught(student, matrix, p)


def copied_linearly(matrix: Matrix, p: FloatArray) -> Answer:
    """Distil into a linear model of the log-odds."""
    student = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), LinearRegression()
    )
    return _taught(student, matrix, p)


def copied_from_decisions(matrix: Matrix, decisions: FloatArray, rounds: int = 150) -> Answer:
    """Distil from decisions alone, which say nothing of how near they were."""
    student = xgboost.train({**_STUDENT, "objective": "binary:logistic"}, xgboost.DMatrix(matrix, decisions), rounds)
    return lambda rows: _plain(student, rows)


def pruned(booster: xgboost.Booster, share: float) -> Answer:
    """Drop the last trees."""
    rounds = booster.num_boosted_rounds()
    left = max(1, round(rounds * (1 - share)))
    return lambda rows: np.asarray(booster.inplace_predict(rows, iteration_range=(0, left), missing=np.nan))


def thinned(booster: xgboost.Booster) -> Answer:
    """Drop every second tree and count the others twice."""
    trees = read_trees(booster)[::2]
    for tree in trees:
        leaves = [i for i, below in enumerate(tree["left_children"]) if below == LEAF]
        for i in leaves:
            tree["split_conditions"][i] *= 2
    return of_booster(with_trees(booster, trees))


def without_plain_trees(booster: xgboost.Booster) -> Answer:
    """Drop the trees over one feature alone: what a thief does who knows how marks are written."""
    return of_booster(with_trees(booster, [tree for tree in read_trees(booster) if len(_features(tree)) > 1]))


def made_shallow(booster: xgboost.Booster, depth: int) -> Answer:
    """Cut every tree at a depth; what is cut off becomes a leaf with the mean of its leaves over the training rows."""
    trees = read_trees(booster)
    for tree in trees:
        _cut(tree, 0, depth)
    return of_booster(with_trees(booster, trees))


def boosted_further(booster: xgboost.Booster, matrix: Matrix, labels: FloatArray, rounds: int = 50) -> Answer:
    """Go on training on new rows."""
    data = xgboost.DMatrix(matrix, labels)
    tuned = xgboost.train({**_STUDENT, "objective": "binary:logistic"}, data, rounds, xgb_model=booster.copy())
    total = tuned.num_boosted_rounds()
    return lambda rows: np.asarray(tuned.inplace_predict(rows, iteration_range=(0, total), missing=np.nan))


def fitted_anew(booster: xgboost.Booster, matrix: Matrix, labels: FloatArray) -> Answer:
    """Keep the trees' splits and fit all leaves anew on new rows."""
    settings = {**_STUDENT, "objective": "binary:logistic", "process_type": "update", "updater": "refresh"}
    data = xgboost.DMatrix(matrix, labels)
    model = booster.copy()
    with xgboost.config_context(verbosity=0):  # it warns of any updater that is named, and knows this one by its name
        fitted = xgboost.train(settings, data, model.num_boosted_rounds(), xgb_model=model)
    return lambda rows: _plain(fitted, rows)


def rounded(answer: Answer, digits: int) -> Answer:
    """Answer with fewer digits."""
    return lambda rows: np.round(answer(rows), digits)


def of_booster(booster: xgboost.Booster) -> Answer:
    """The model itself."""
    return lambda rows: _plain(booster, rows)


def _taught(student: Any, matrix: Matrix, p: FloatArray) -> Answer:
    def answer(rows: Matrix) -> FloatArray:
        with threadpool_limits(1):
            return _sigmoid(student.predict(rows))

    # In one thread: several would add up in another order each time, and wait for each other on a busy machine.
    with threadpool_limits(1):
        student.fit(matrix, _logit(p))
    return answer


def _features(tree: Mapping[str, Any]) -> set[int]:
    pairs = zip(tree["split_indices"], tree["left_children"], strict=True)
    return {feature for feature, below in pairs if below != LEAF}


def _cut(tree: dict[str, Any], node: int, left: int) -> tuple[float, float]:
    """Cut below a node; return what its leaves weigh and their mean."""
    below = tree["left_children"][node], tree["right_children"][node]
    if below[0] == LEAF:
        return float(tree["sum_hessian"][node]), float(tree["split_conditions"][node])
    weights, means = zip(*(_cut(tree, child, left - 1) for child in below), strict=True)
    total = sum(weights)
    mean = float(np.dot(weights, means) / total) if total else float(np.mean(means))
    if left == 0:
        tree["left_children"][node] = tree["right_children"][node] = LEAF
        tree["split_conditions"][node] = tree["base_weights"][node] = mean
        tree["split_indices"][node] = tree["default_left"][node] = 0
    return total, mean


def _plain(booster: xgboost.Booster, rows: Matrix) -> FloatArray:
    answer: FloatArray = booster.inplace_predict(rows, missing=np.nan, validate_features=False)
    return answer


def _logit(p: FloatArray) -> FloatArray:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    odds: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return odds


def _sigmoid(z: FloatArray) -> FloatArray:
    value: FloatArray = 0.5 * (1 + np.tanh(0.5 * np.asarray(z, dtype=np.float64)))
    return value
