"""From rows to matrices: the transform learns on the older rows and is applied to both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.use_case import UseCase
from components.features import transform
from components.features.catalogue import catalogue
from components.features.transform import Transform
from components.training.dataset import Rows

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Matrices:
    """What an algorithm is fitted on.

    Args:
        transform: fitted on the older rows.
        x: older rows, shape (n, features).
        y: their labels, shape (n,).
        later_x: newer rows, shape (m, features).
        later_y: their labels, shape (m,).
        directions: for each feature 1 where the risk may only rise with it, else 0.
    """

    transform: Transform
    x: Matrix
    y: FloatArray
    later_x: Matrix
    later_y: FloatArray
    directions: tuple[int, ...]


def prepare(older: Rows, newer: Rows, use_case: UseCase) -> Matrices:
    """Fit the use case's transform on the older rows and compute both matrices."""
    features = transform.select(use_case.features.names, catalogue(use_case.name))
    fitted = transform.fit(features, older.columns, older.labels)
    return Matrices(
        transform=fitted,
        x=fitted.apply(older.columns),
        y=older.labels,
        later_x=fitted.apply(newer.columns),
        later_y=newer.labels,
        directions=tuple(int(name in use_case.training.increasing) for name in fitted.names),
    )
