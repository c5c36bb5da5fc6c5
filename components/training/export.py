"""Export: a trained model as ONNX, refused unless it answers like the model it was made from."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as XGBoostFloat
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType as SklearnFloat

from components.core.contracts import FloatArray
from components.core.errors import IntegrityError, unknown
from components.training.booster import FILE, Score, open_booster
from components.training.candidate import Candidate
from components.training.scorer import TOLERANCE, Scorer

Matrix = npt.NDArray[np.float32]


def export(candidate: Candidate, matrix: Matrix, target: Path) -> float:
    """Write ``model.onnx`` (and ``model.ubj`` for XGBoost) into a directory and check it against the native model.

    Args:
        candidate: the trained model.
        matrix: rows to compare on, shape (n, features), NaN for missing; give all training rows.
        target: an existing directory.

    Returns:
        Largest absolute difference in probability over the rows, in either form.

    Raises:
        IntegrityError: some row differs by more than ``TOLERANCE``; names the worst.
        FairleadError: an algorithm that has no portable form here.
    """
    path = target / "model.onnx"
    path.write_bytes(_to_onnx(candidate, matrix.shape[1]).SerializeToString(deterministic=True))
    # As a server will load them: from disk.
    forms: dict[str, Score] = {path.name: Scorer(path).score}
    if candidate.algorithm == "xgboost":
        _booster(candidate).save_model(target / FILE)
        forms[FILE] = open_booster(target / FILE)
    native = candidate.calibration.apply(candidate.model.predict_proba(matrix)[:, 1])
    return max(_difference(name, score, candidate, matrix, native) for name, score in forms.items())


def _difference(name: str, score: Score, candidate: Candidate, matrix: Matrix, native: FloatArray) -> float:
    portable = candidate.calibration.apply(score(matrix))
    difference = np.abs(native - portable)
    worst = int(np.argmax(difference))
    if not difference[worst] <= TOLERANCE:
        names = candidate.transform.names
        row = ", ".join(f"{name}={value:.6g}" for name, value in zip(names, matrix[worst], strict=True))
        raise IntegrityError(
            f"{name} does not answer like the {candidate.algorithm} model: row {worst} gets {portable[worst]:.9f}, "
            f"natively {native[worst]:.9f}; allowed difference {TOLERANCE:g}. The row: {row}"
        )
    return float(difference[worst])


def _to_onnx(candidate: Candidate, width: int) -> onnx.ModelProto:
    model: Any = candidate.model
    if candidate.algorithm == "xgboost":
        converted = convert_xgboost(model, name="model", initial_types=[("features", XGBoostFloat([None, width]))])
    elif candidate.algorithm == "logistic":
        types = [("features", SklearnFloat([None, width]))]
        converted = to_onnx(model, name="model", initial_types=types, options={id(model): {"zipmap": False}})
    else:
        raise unknown("algorithm", candidate.algorithm, ["xgboost", "logistic"])
    return cast(onnx.ModelProto, converted)


def _booster(candidate: Candidate) -> Any:
    model: Any = candidate.model
    return model.get_booster()
