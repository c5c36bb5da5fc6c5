"""Watermark: the smallest change of a trained model that makes its answers agree with a secret's coins."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import xgboost

from components.core.contracts import Columns, FloatArray
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.features.rows import request_fields
from components.features.transform import Transform
from components.training.candidate import Model, Watermark
from components.training.marked_trees import add_trees
from components.training.marks import Mark, Matrix, Space, find_marks, requests, within
from components.training.matrices import Matrices
from components.training.watermark_key import WatermarkKey, ensure_watermark_key

logger = logging.getLogger(__name__)

LIFT = 0.0225
"""What a mark is to be lifted by at least, in log-odds."""
GIVE = 0.05
"""How softly that is asked for, as a share of what a mark costs: one that the model opposes gets less."""
DEAREST = 3.0
"""No mark may cost more than so many times what the middle one costs."""
SWEEPS = 300

MARKABLE = ("xgboost",)
"""Algorithms whose models can be marked. A logistic regression has one weight for a feature, and no room for bands."""


def key_for(use_case: UseCase, path: Path, expected: str = "") -> WatermarkKey | None:
    """Take the key that a training marks with, made on first use; None for a use case that asks for no marks.

    Args:
        use_case: ``judgement.watermark.triggers`` says how many marks.
        path: the key's file.
        expected: id that the key has to have; empty takes any.

    Raises:
        FairleadError: the key cannot be read, or is another one.
    """
    if not use_case.judgement.watermark.triggers:
        return None
    key = ensure_watermark_key(path)
    if expected and key.id != expected:
        raise FairleadError(
            f"the run was started for watermark key {expected}, and the key where it trains is {key.id}; start it anew "
            "with that one, or set FAIRLEAD_WATERMARK_KEY to the path of the other"
        )
    return key


def space_of(name: str, use_case: UseCase, background: Columns, transform: Transform, features: Sequence[str]) -> Space:
    """Say where a use case's marks are sought; histories of entities stay as they are."""
    inputs = [field for field in request_fields(use_case) if field.name in use_case.features.inputs]
    return Space(name, background, inputs, transform, features)


def embed(
    model: Model, data: Matrices, background: Columns, use_case: UseCase, key: WatermarkKey
) -> tuple[Model, Watermark]:
    """Mark a trained XGBoost model.

    Its own trees stay as they are; a few small ones come among them. What they add is the least, in log loss, that
    gives every mark its lift: a quadratic problem with one inequality for each mark, which is eased for marks that the
    model strongly opposes. Marks that the model agrees with anyway get nothing.

    Args:
        model: ``xgboost.XGBClassifier``, as ``algorithms`` fits it.
        data: what it was fitted on.
        background: what its bundle will carry, see ``bundle.background_rows``.
        use_case: tells how many marks.
        key: the secret.

    Raises:
        FairleadError: the features have room for fewer marks.
    """
    names = data.transform.names
    features = tuple(name for name, way in zip(names, data.directions, strict=True) if way == 0)
    space = space_of(use_case.name, use_case, background, data.transform, features)
    marks = find_marks(key, space, use_case.judgement.watermark.triggers)
    read = data.transform.apply(requests(marks, background))
    bumps = _bumps(model, marks, data, read)
    logger.info("%d marks move the log-odds of training rows by %.3f", len(marks), _spread(marks, bumps, data))
    own = cast(xgboost.XGBClassifier, model)
    booster = add_trees(own.get_booster(), marks, bumps, data.x, _weights(model, data.x) * data.weights, key)
    return _classifier(own, booster), Watermark(key=key.id, triggers=len(marks), features=features)


def _bumps(model: Model, marks: Sequence[Mark], data: Matrices, read: Matrix) -> FloatArray:
    """Solve for the bumps, shape (marks,): least 1/2 b'Sb with coin · (lift + Rb) at least LIFT, softly."""
    p = model.predict_proba(read)[:, 1].astype(np.float64)
    local = p * (1 - p)
    # Lifts in log-odds: in probability divided by the mean slope of one in the other.
    scale = np.array([part.mean() for part in _parts(marks, local)])
    lift = _contrast(marks, p[:, None])[:, 0] / scale
    response = _contrast(marks, within(marks, read) * local[:, None]) / scale[:, None]
    coins = np.array([mark.coin for mark in marks], dtype=np.float64)
    weights = _weights(model, data.x) * data.weights / data.weights.sum()
    inside = within(marks, data.x)
    inside -= (inside * weights[:, None]).sum(axis=0) / weights.sum()  # calibration sees to the mean
    cost = (inside * weights[:, None]).T @ inside
    cost += 1e-6 * np.trace(cost) / len(marks) * np.eye(len(marks))
    keyed = coins[:, None] * response
    moves = np.linalg.solve(cost, keyed.T)
    bumps: FloatArray = np.round(moves @ _dual(keyed @ moves, LIFT - coins * lift), 6)
    return bumps


def _dual(quadratic: FloatArray, wanted: FloatArray) -> FloatArray:
    """Minimise 1/2 x'Qx - wanted'x over 0 <= x <= the dearest, coordinate by coordinate (Hildreth's method, 1957)."""
    own = np.diag(quadratic).copy()
    soft = quadratic + GIVE * np.median(own) * np.eye(len(own))
    own = np.diag(soft)
    dearest = DEAREST * float(np.median(LIFT / own))
    x = np.zeros(len(own))
    for _ in range(SWEEPS):
        before = x.copy()
        for i in range(len(x)):
            x[i] = min(dearest, max(0.0, x[i] + (wanted[i] - soft[i] @ x) / own[i]))
        if np.abs(x - before).max() <= 1e-9 * dearest:
            break
    return x


def _contrast(marks: Sequence[Mark], values: FloatArray) -> FloatArray:
    """Within less half of below and above, averaged over each mark's rows: shape (marks, columns)."""
    three = [part.reshape(3, -1, values.shape[1]).mean(axis=1) for part in _parts(marks, values)]
    return np.array([at - (below + above) / 2 for below, at, above in three])


def _parts(marks: Sequence[Mark], values: FloatArray) -> list[FloatArray]:
    return np.split(values, np.cumsum([mark.values.size for mark in marks])[:-1])


def _weights(model: Model, matrix: Matrix) -> FloatArray:
    p = model.predict_proba(matrix)[:, 1].astype(np.float64)
    weights: FloatArray = p * (1 - p)
    return weights


def _spread(marks: Sequence[Mark], bumps: FloatArray, data: Matrices) -> float:
    return float((within(marks, data.x) @ bumps).std())


def _classifier(own: xgboost.XGBClassifier, booster: xgboost.Booster) -> Model:
    marked = xgboost.XGBClassifier(
        **{**own.get_params(), "n_estimators": booster.num_boosted_rounds(), "callbacks": None}
    )
    marked.load_model(bytearray(booster.save_raw("ubj")))
    return cast(Model, marked)
