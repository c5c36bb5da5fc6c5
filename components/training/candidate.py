"""A candidate: the trained model with everything it needs to turn rows into probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Columns, FloatArray
from components.features.transform import Transform
from components.training.calibration import Calibration


class Model(Protocol):
    """What both algorithms offer; ``xgboost.XGBClassifier`` or a ``sklearn.pipeline.Pipeline``."""

    def predict_proba(self, X: npt.NDArray[np.float32], /) -> npt.NDArray[Any]:  # noqa: N803  scikit-learn's name
        """Score a matrix of shape (n, features); returns shape (n, 2): good, bad."""
        ...


class Watermark(BaseModel):
    """Which mark a model bears; nothing in it helps to find the mark without the key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Id of the key."""
    triggers: int
    """How many marks it has."""
    features: tuple[str, ...]
    """Those that may hold one: the risk may rise and fall with them."""


@dataclass(frozen=True)
class Candidate:
    """A model that was trained but not yet judged.

    Args:
        algorithm: ``xgboost`` or ``logistic``.
        parameters: the hyperparameters it was made with.
        transform: fitted on the train split.
        model: fitted on the train split; for ``xgboost`` cut back to its best round.
        calibration: fitted on the calibration split.
        threshold: rows at or above this probability are called bad.
        watermark: the mark that the model bears; None where it bears none.
    """

    algorithm: str
    parameters: Mapping[str, Any]
    transform: Transform
    model: Model
    calibration: Calibration
    threshold: float
    watermark: Watermark | None = None

    def probability(self, rows: Columns) -> FloatArray:
        """Probability of a bad outcome, shape (n,), float64.

        Raises:
            ContractViolation: a column that a feature reads is missing.
        """
        return self.calibration.apply(self.model.predict_proba(self.transform.apply(rows))[:, 1])
