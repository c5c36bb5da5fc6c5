"""Calibration: makes a model's score a probability that can be compared with money."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from components.core.contracts import FloatArray
from components.core.errors import FairleadError

CLIP = 1e-6
"""Scores are kept this far from 0 and 1 before the logit, which is infinite there."""


class Calibration(BaseModel):
    """Platt scaling on the logit: p → sigmoid(slope · logit(p) + intercept), computed in double precision.

    Slope 1 and intercept 0 leave every probability as it is:

    >>> Calibration(slope=1.0, intercept=0.0).apply(np.array([0.25, 0.5]))
    array([0.25, 0.5 ])
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float
    """At least 0, so that calibration never turns the model's order round."""
    intercept: float

    def apply(self, p: npt.NDArray[np.floating[Any]]) -> FloatArray:
        """Turn scores of shape (n,) between 0 and 1 into probabilities of shape (n,), float64."""
        return _sigmoid(self.slope * _logit(p) + self.intercept)

    def write(self, path: Path) -> None:
        """Write as JSON; equal calibrations give equal bytes."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        """Read what ``write`` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def fit(
    p: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.floating[Any]], weights: FloatArray | None = None
) -> Calibration:
    """Find slope and intercept by maximum likelihood on rows that the model was not trained on.

    Targets are drawn in a little from 0 and 1, by (good + 1) / (good + 2) and its like for bad, so that the fit stays
    finite where scores separate the classes. Source: Platt, "Probabilistic outputs for support vector machines"
    (1999), section 2.2. A model that ranks these rows backwards gets slope 0: the same probability for every row.

    Args:
        p: scores between 0 and 1, shape (n,).
        labels: shape (n,), 1 bad, 0 good.
        weights: how many rows each stands for, shape (n,); None counts each once.

    Raises:
        FairleadError: the labels hold one class only.
    """
    w = np.ones(len(labels)) if weights is None else weights
    positives = float((w * labels).sum())
    negatives = float(w.sum()) - positives
    if positives == 0 or negatives == 0:
        raise FairleadError(
            f"calibration rows hold one class only ({int(positives)} bad, {int(negatives)} good); both are needed: "
            "take a larger calibration_share or a longer table"
        )
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = _newton(_logit(p), target, w)
    if slope < 0:
        slope, intercept = 0.0, float(_logit(np.array([np.average(target, weights=w)]))[0])
    return Calibration(slope=slope, intercept=intercept)


def _newton(z: FloatArray, target: FloatArray, weights: FloatArray) -> tuple[float, float]:
    design = np.column_stack([z, np.ones_like(z)])
    # The ridge only matters when all scores are equal: then slope and intercept cannot be told apart.
    ridge = 1e-9 * weights.sum() * np.eye(2)
    beta = np.array([1.0, 0.0])
    loss = _loss(design, target, beta, weights)
    for _ in range(100):
        fitted = _sigmoid(design @ beta)
        hessian = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, design.T @ (weights * (fitted - target)))
        # Halve a step that overshoots: far from the optimum the curvature can be almost nil.
        while (after := _loss(design, target, beta - step, weights)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2
        beta = beta - step
        if loss - after <= 1e-12 * weights.sum():
            break
        loss = after
    return float(beta[0]), float(beta[1])


def _loss(design: FloatArray, target: FloatArray, beta: FloatArray, weights: FloatArray) -> float:
    margin = design @ beta
    return float(np.sum(weights * (np.logaddexp(0.0, margin) - target * margin)))


def _logit(p: npt.NDArray[np.floating[Any]]) -> FloatArray:
    # np.clip does the same, and takes three times as long for one row.
    clipped = np.minimum(np.maximum(np.asarray(p, dtype=np.float64), CLIP), 1 - CLIP)
    odds: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return odds


def _sigmoid(z: FloatArray) -> FloatArray:
    # tanh does not overflow where exp would.
    value: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * z))
    return value
