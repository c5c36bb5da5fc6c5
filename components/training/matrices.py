"""From rows to matrices: the transform learns on the older rows and is applied to both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.use_case import UseCase
from components.core.watching import Window
from components.features import transform
from components.features.catalogue import catalogue
from components.features.transform import Transform
from components.training.dataset import Rows
from components.training.development import MONTH
from components.training.reweighing import reweighed

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Matrices:
    """What an algorithm is fitted on.

    Args:
        transform: fitted on the older rows.
        x: older rows, shape (n, features).
        y: their labels, shape (n,).
        weights: how many rows each stands for, shape (n,).
        later_x: newer rows, shape (m, features).
        later_y: their labels, shape (m,).
        later_weights: how many rows each stands for, shape (m,).
        directions: for each feature 1 where the risk may only rise with it, else 0.
    """

    transform: Transform
    x: Matrix
    y: FloatArray
    weights: FloatArray
    later_x: Matrix
    later_y: FloatArray
    later_weights: FloatArray
    directions: tuple[int, ...]


def prepare(older: Rows, newer: Rows, use_case: UseCase) -> Matrices:
    """Fit the use case's transform on the older rows and compute both matrices.

    With the training window ``decaying``, the older rows count the less the older they are: half so much after so many
    months. Their mean weight stays as it was, so that what regularises a model works as without it.

    With ``training.mitigation`` they are then reweighed, so that their outcomes hang together with no group; the newer
    rows, by which boosting stops and probabilities are calibrated, are not.
    """
    features = transform.select(use_case.features.names, catalogue(use_case.name))
    fitted = transform.fit(features, older.columns, older.labels)
    return Matrices(
        transform=fitted,
        x=fitted.apply(older.columns),
        y=older.labels,
        weights=reweighed(_decayed(older, use_case.training.window), older.protected, older.labels, use_case),
        later_x=fitted.apply(newer.columns),
        later_y=newer.labels,
        later_weights=newer.weights,
        directions=tuple(int(name in use_case.training.increasing) for name in fitted.names),
    )


def _decayed(rows: Rows, window: Window) -> FloatArray:
    if window.policy != "decaying" or window.months is None:
        return rows.weights
    months = (rows.days.max() - rows.days).astype(np.float64) / MONTH
    decayed: FloatArray = rows.weights * 0.5 ** (months / window.months)
    scaled: FloatArray = decayed * (rows.weights.sum() / decayed.sum())
    return scaled
