"""The scorer: runs a model in ONNX form; the same few lines in training, in the server and in the explainer."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from components.core.contracts import FloatArray
from components.core.errors import IntegrityError

TOLERANCE = 5e-6
"""Largest difference in probability between the native model, its portable form, and what a server answers.

All three compute in single precision. They add up some hundred trees in orders of their own, so the last bits of a
score differ, and a calibration steeper than 1 stretches that: 1e-6 was seen to be passed by models that were the same.
"""


class Scorer:
    """A model in ONNX form.

    Args:
        path: ``model.onnx``; one float32 input of shape (n, features), probabilities of shape (n, 2) as last output.

    Raises:
        IntegrityError: the file is no such model.
    """

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        # A server runs as many processes as it has cores; a pool in each would only make them wait for one another.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise IntegrityError(f"{path} cannot be loaded as an ONNX model: {str(error).splitlines()[0]}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
            found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
            raise IntegrityError(f"{path} takes {found}; expected one tensor(float) of shape [n, features]")
        self._input: str = inputs[0].name
        self._output: str = outputs[-1].name
        self.width: int | None = inputs[0].shape[1] if isinstance(inputs[0].shape[1], int) else None
        """Number of columns that the matrix must have."""

    def score(self, matrix: npt.NDArray[np.float32]) -> FloatArray:
        """Score a matrix of shape (n, features), NaN for missing; returns the positive class's score, shape (n,)."""
        probabilities: npt.NDArray[np.float32] = self._session.run([self._output], {self._input: matrix})[0]
        return probabilities[:, 1]
