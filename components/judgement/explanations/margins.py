"""What each feature adds to a model's own log-odds: read from the trees, or from the line.

Sources: for trees Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
Nature Machine Intelligence 2 (2020); for linear models Lundberg and Lee, "A unified approach to interpreting model
predictions", NeurIPS 2017, section 4.2.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.core.errors import FairleadError
from components.training.booster import FILE
from components.training.bundle import Bundle

PATH_DEPENDENT = "tree_shap_path_dependent"
"""An unknown feature is averaged over the paths that the training rows took through the trees."""
TREE_INTERVENTIONAL = "tree_shap_interventional"
"""An unknown feature takes the values that it has in a background of training rows, whatever the others are."""
LINEAR = "linear_interventional"
"""An unknown feature has the background's mean; for a line that is the same as averaging over its values."""

Matrix = npt.NDArray[np.float32]
Margin = Callable[[Matrix], FloatArray]
"""Matrix of shape (n, features) → what each feature adds to the model's own log-odds, shape (n, features + 1); the last
column is what the log-odds start from, the same in every row."""


class NotExplained(FairleadError):
    """No contributions of features are known for this model's kind."""


def open_margin(bundle: Bundle, threads: int = 1) -> tuple[str, Margin]:
    """Read what a bundle's own contributions are computed from.

    Args:
        bundle: an opened bundle.
        threads: over which trees spread the rows; the values are the same with any number.

    Returns:
        The method's name, ``PATH_DEPENDENT`` or ``LINEAR``, and the function.

    Raises:
        NotExplained: the model is of another kind, or the file that it would be read from is missing.
    """
    algorithm = bundle.contract.algorithm
    if algorithm == "xgboost":
        return PATH_DEPENDENT, trees_margin(trees_file(bundle), threads)
    if algorithm == "logistic":
        return LINEAR, line(bundle).margin(bundle.transform.apply(bundle.background()))
    raise NotExplained(
        f"models of kind {algorithm!r} cannot be explained feature by feature; those of kind xgboost and logistic can"
    )


def trees_file(bundle: Bundle) -> Path:
    """Return the file with the trees.

    Raises:
        NotExplained: there is none.
    """
    path = bundle.path / FILE
    if not path.is_file():
        raise NotExplained(
            f"bundle {bundle.path} has no {path.name}, so its trees cannot be explained; train a new one"
        )
    return path


def trees_margin(path: Path, threads: int = 1) -> Margin:
    """Read the path-dependent contributions off a file of XGBoost's."""
    import xgboost  # here, so that a server that is never asked does not load it

    booster = xgboost.Booster(model_file=str(path))
    booster.set_param({"nthread": threads})  # the file brings settings of its own

    def margin(matrix: Matrix) -> FloatArray:
        added: FloatArray = booster.predict(xgboost.DMatrix(matrix, nthread=threads), pred_contribs=True)
        return added

    return margin


class Line:
    """A logistic regression on standardised features, gaps filled with medians.

    Args:
        medians: what a gap is filled with, shape (features,).
        weights: what one unit of each feature adds to the log-odds, shape (features,).
        intercept: the log-odds where all features are 0.
    """

    def __init__(self, medians: FloatArray, weights: FloatArray, intercept: float) -> None:
        self.medians, self.weights, self.intercept = medians, weights, intercept

    def filled(self, matrix: Matrix) -> FloatArray:
        """Fill the gaps of a matrix of shape (n, features)."""
        return np.where(np.isnan(matrix), self.medians, matrix).astype(np.float64)

    def margin(self, background: Matrix) -> Margin:
        """Return the contributions against a background: in each feature the weight times the way from its mean."""
        mean = self.filled(background).mean(axis=0)
        start = self.intercept + float((self.weights * mean).sum())

        def margin(matrix: Matrix) -> FloatArray:
            return np.column_stack([self.weights * (self.filled(matrix) - mean), np.full(len(matrix), start)])

        return margin


def line(bundle: Bundle) -> Line:
    """Read the coefficients of a linear model.

    Raises:
        NotExplained: the bundle's model is no such model.
    """
    import onnx  # here, as above

    nodes = {n.op_type: n for n in onnx.load(bundle.path / "model.onnx").graph.node}
    if set(nodes) != {"Imputer", "Scaler", "LinearClassifier"}:
        raise NotExplained(
            f"bundle {bundle.path}: model.onnx holds {', '.join(nodes)}; a linear model that can be explained holds "
            "Imputer, Scaler, LinearClassifier"
        )
    offset, scale = _attribute(nodes["Scaler"], "offset"), _attribute(nodes["Scaler"], "scale")
    # The rows of both classes one after the other; the second is the positive one.
    width = len(bundle.contract.features)
    weights = _attribute(nodes["LinearClassifier"], "coefficients")[width:] * scale
    intercept = float(_attribute(nodes["LinearClassifier"], "intercepts")[1] - (offset * weights).sum())
    return Line(_attribute(nodes["Imputer"], "imputed_value_floats"), weights, intercept)


def _attribute(node: Any, name: str) -> FloatArray:
    found = next(a for a in node.attribute if a.name == name)
    return np.array(found.floats, dtype=np.float64)
