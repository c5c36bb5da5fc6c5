"""Interventional Shapley values: a feature that is unknown takes the values that it has in a background of rows.

Against a background, contributions do not depend on how features hang together in the training rows: a feature that
the model does not read gets exactly nothing (Janzing, Minorics and Blöbaum, "Feature relevance quantification in
explainable AI: a causal problem", AISTATS 2020).
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from components.core.contracts import Columns, FloatArray
from components.judgement.explanations.contributions import Contributions, parts
from components.judgement.explanations.margins import (
    LINEAR,
    TREE_INTERVENTIONAL,
    Margin,
    Matrix,
    NotExplained,
    line,
    trees_file,
)
from components.training.bundle import Bundle

CHUNK = 250
"""Rows explained at a time."""


class Interventional:
    """Explains the scores of one bundle against backgrounds of the caller's choice.

    Args:
        bundle: an opened bundle.

    Raises:
        NotExplained: no contributions are known for this model's kind.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.method, self._against = _open(bundle)

    def explain(self, rows: Columns, background: Columns) -> Contributions:
        """Explain n rows against a background of rows, one at least of each."""
        matrix = self._bundle.transform.apply(rows)
        base, contributions = self.matrix(matrix, self._bundle.transform.apply(background))
        return Contributions(
            method=self.method,
            features=self._bundle.contract.features,
            base_value=base,
            contributions=contributions,
            values=matrix,
            probability=self._bundle.probability(rows),
        )

    def matrix(self, matrix: Matrix, background: Matrix) -> tuple[float, FloatArray]:
        """Return base value and contributions, shape (n, features), in log-odds of the calibrated probability."""
        added = self._against(background)(matrix)
        calibration = self._bundle.calibration
        scaled = calibration.slope * added
        return float(scaled[0, -1] + calibration.intercept), scaled[:, :-1]


def _open(bundle: Bundle) -> tuple[str, Callable[[Matrix], Margin]]:
    algorithm = bundle.contract.algorithm
    if algorithm == "xgboost":
        return TREE_INTERVENTIONAL, trees_against(trees_file(bundle))
    if algorithm == "logistic":
        return LINEAR, line(bundle).margin
    raise NotExplained(
        f"models of kind {algorithm!r} cannot be explained feature by feature; those of kind xgboost and logistic can"
    )


def trees_against(path: Path) -> Callable[[Matrix], Margin]:
    """Read off a file of XGBoost's a function from a background to the contributions against it."""
    import xgboost

    with warnings.catch_warnings():
        # shap makes its colour maps at import, in a way that matplotlib will drop; no chart here uses them.
        warnings.filterwarnings("ignore", r"The set_\w+ function will be deprecated", PendingDeprecationWarning)
        import shap  # type: ignore[import-untyped]

    booster = xgboost.Booster(model_file=str(path))
    booster.set_param({"nthread": 1})  # the file brings settings of its own

    def against(background: Matrix) -> Margin:
        # Given the rows by themselves, shap would take a hundred of them and say nothing.
        masker = shap.maskers.Independent(background, max_samples=len(background))
        explainer = shap.TreeExplainer(booster, data=masker, feature_perturbation="interventional")
        base = float(explainer.expected_value)

        def margin(matrix: Matrix) -> FloatArray:
            # That values add up is checked on the calibrated probability, in ``accuracy``, for all methods alike. In
            # parts, since shap draws a progress bar on the terminal of whoever waits for ten seconds.
            values = [explainer.shap_values(part, check_additivity=False) for part in parts(matrix, CHUNK)]
            return np.column_stack([np.concatenate(values), np.full(len(matrix), base)])

        return margin

    return against
