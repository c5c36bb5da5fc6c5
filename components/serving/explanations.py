"""Explanations in process: how much each feature moved a score, as Shapley values that add up to the served one.

Sources: for trees Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
Nature Machine Intelligence 2 (2020); for linear models Lundberg and Lee, "A unified approach to interpreting model
predictions", NeurIPS 2017, section 4.2.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import Columns, FloatArray
from components.core.errors import IntegrityError
from components.serving.exchange import Late, NotOffered
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE

CHUNK = 10
"""Rows explained between two looks at the clock."""

Matrix = npt.NDArray[np.float32]
Margin = Callable[[Matrix], FloatArray]
"""Matrix of shape (n, features) → what each feature adds to the model's own log-odds, shape (n, features + 1); the last
column is what the log-odds start from, the same in every row."""


@dataclass(frozen=True)
class Explained:
    """The explanation of n rows, in log-odds of the calibrated probability.

    In each row ``base_value`` and the contributions add up to the log-odds of ``probability``: turned back into a
    probability, within ``TOLERANCE`` (the model computes in single precision). A score closer than
    ``calibration.CLIP`` to 0 or 1 is clipped before it is calibrated; such a row's sum lies beyond.

    Args:
        method: how the contributions were computed, ``tree_shap_path_dependent`` or ``linear_interventional``.
        features: names of the matrix's columns.
        base_value: the log-odds before any feature is known.
        contributions: shape (n, features).
        values: the matrix that the model saw, shape (n, features), NaN for missing.
        probability: as served, shape (n,).
    """

    method: str
    features: tuple[str, ...]
    base_value: float
    contributions: FloatArray
    values: Matrix
    probability: FloatArray

    def largest(self, row: int, k: int) -> list[int]:
        """Return the places of the k contributions of a row that are farthest from 0, the farthest first."""
        order = np.argsort(-np.abs(self.contributions[row]), kind="stable")
        return [int(i) for i in order[:k]]


class Explainer:
    """Explains the scores of one bundle; made once, used by several threads.

    It is opened at the first call, so that a server that nobody asks pays nothing: importing XGBoost and reading the
    trees takes most of a second.

    Args:
        bundle: an opened bundle.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._opening = threading.Lock()
        self._opened: tuple[str, Margin] | None = None

    def explain(self, rows: Columns, until: float | None = None) -> Explained:
        """Explain n rows that passed the door.

        Args:
            rows: n rows.
            until: ``time.monotonic()`` at which it has to be done.

        Raises:
            NotOffered: no explanation is known for this model's kind.
            IntegrityError: the explanations of the background rows do not add up to the model's scores.
            Late: it was not done in time.
        """
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
        method, margin = self._opened
        matrix = self._bundle.transform.apply(rows)
        added = np.concatenate([margin(part) for part in _parts(matrix, until)])
        base, contributions = self._calibrated(added)
        return Explained(
            method=method,
            features=self._bundle.contract.features,
            base_value=base,
            contributions=contributions,
            values=matrix,
            probability=self._bundle.probability(rows),
        )

    def _calibrated(self, added: FloatArray) -> tuple[float, FloatArray]:
        # Calibration is a line on the log-odds: it stretches every contribution alike and shifts where they start.
        calibration = self._bundle.calibration
        scaled = calibration.slope * added.astype(np.float64)
        return float(scaled[0, -1] + calibration.intercept), scaled[:, :-1]

    def _open(self) -> tuple[str, Margin]:
        algorithm = self._bundle.contract.algorithm
        if algorithm not in _KINDS:
            raise NotOffered(
                f"models of kind {algorithm!r} cannot be explained by this server; it knows {', '.join(_KINDS)}. "
                "Ask an explainer of its own for anchors or counterfactuals."
            )
        method, open_margin = _KINDS[algorithm]
        margin = open_margin(self._bundle)
        self._check(margin)
        return method, margin

    def _check(self, margin: Margin) -> None:
        background = self._bundle.background()
        base, contributions = self._calibrated(margin(self._bundle.transform.apply(background)))
        found = 1 / (1 + np.exp(-(base + contributions.sum(axis=1))))
        worst = float(np.abs(found - self._bundle.probability(background)).max())
        if not worst <= TOLERANCE:
            raise IntegrityError(
                f"bundle {self._bundle.path}: what its features add up to differs from its scores by {worst:.3g} on "
                f"the background rows, allowed {TOLERANCE:g}; nothing is explained with it, train a new one"
            )


def _parts(matrix: Matrix, until: float | None) -> Iterator[Matrix]:
    for start in range(0, len(matrix), CHUNK):
        if until is not None and time.monotonic() > until:
            raise Late(f"only {start} of {len(matrix)} rows were explained in time; send fewer rows in a request")
        yield matrix[start : start + CHUNK]


def _trees(bundle: Bundle) -> Margin:
    """Read the trees: exact Shapley values where a feature that is unknown is averaged over the paths of training."""
    import xgboost  # here, so that a server that is never asked does not load it

    path = bundle.path / "model.ubj"
    if not path.is_file():
        raise NotOffered(f"bundle {bundle.path} has no {path.name}, so its trees cannot be explained; train a new one")
    booster = xgboost.Booster({"nthread": 1}, model_file=str(path))

    def margin(matrix: Matrix) -> FloatArray:
        added: FloatArray = booster.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True)
        return added

    return margin


def _line(bundle: Bundle) -> Margin:
    """Read the coefficients: exact Shapley values where a feature that is unknown has the background's mean."""
    import onnx  # here, as above

    nodes = {n.op_type: n for n in onnx.load(bundle.path / "model.onnx").graph.node}
    if set(nodes) != {"Imputer", "Scaler", "LinearClassifier"}:
        raise NotOffered(
            f"bundle {bundle.path}: model.onnx holds {', '.join(nodes)}; a linear model that can be explained holds "
            "Imputer, Scaler, LinearClassifier"
        )
    medians = _attribute(nodes["Imputer"], "imputed_value_floats")
    offset, scale = _attribute(nodes["Scaler"], "offset"), _attribute(nodes["Scaler"], "scale")
    # The rows of both classes one after the other; the second is the positive one.
    width = len(bundle.contract.features)
    weights = _attribute(nodes["LinearClassifier"], "coefficients")[width:] * scale
    intercept = float(_attribute(nodes["LinearClassifier"], "intercepts")[1] - (offset * weights).sum())

    def filled(matrix: Matrix) -> FloatArray:
        return np.where(np.isnan(matrix), medians, matrix).astype(np.float64)

    mean = filled(bundle.transform.apply(bundle.background())).mean(axis=0)
    start = intercept + float((weights * mean).sum())

    def margin(matrix: Matrix) -> FloatArray:
        return np.column_stack([weights * (filled(matrix) - mean), np.full(len(matrix), start)])

    return margin


def _attribute(node: Any, name: str) -> FloatArray:
    found = next(a for a in node.attribute if a.name == name)
    return np.array(found.floats, dtype=np.float64)


_KINDS: dict[str, tuple[str, Callable[[Bundle], Margin]]] = {
    "xgboost": ("tree_shap_path_dependent", _trees),
    "logistic": ("linear_interventional", _line),
}
