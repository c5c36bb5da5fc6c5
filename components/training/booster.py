"""The booster: runs an XGBoost model in its own form and in place; faster than its ONNX form for many rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.errors import IntegrityError

FILE = "model.ubj"

Score = Callable[[npt.NDArray[np.float32]], FloatArray]


def open_booster(path: Path) -> Score:
    """Load a booster from disk, to score in one thread.

    Args:
        path: ``model.ubj``.

    Returns:
        A function like ``Scorer.score``: matrix of shape (n, features), NaN for missing → the positive class's score,
        shape (n,).

    Raises:
        IntegrityError: the file is no such model.
    """
    import xgboost

    try:
        booster: Any = xgboost.Booster({"nthread": 1})
        booster.load_model(path)
    except xgboost.core.XGBoostError as error:
        raise IntegrityError(f"{path} cannot be loaded as an XGBoost model: {str(error).splitlines()[0]}") from error
    booster.set_param({"nthread": 1})  # the file brings settings of its own

    def score(matrix: npt.NDArray[np.float32]) -> FloatArray:
        scores: FloatArray = booster.inplace_predict(matrix, missing=np.nan, validate_features=False)
        return scores

    return score
