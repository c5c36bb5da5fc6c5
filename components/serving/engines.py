"""The engines: ONNX Runtime for few rows, XGBoost in place for many, and where one overtakes the other."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.core.contracts import FloatArray
from components.training.booster import FILE, open_booster
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE

logger = logging.getLogger("kserve.fairlead")

Matrix = npt.NDArray[np.float32]
Engine = Callable[[Matrix], FloatArray]

SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Rows at which both are timed."""

BUDGET = 0.25
"""Seconds that timing may take in all."""


@dataclass(frozen=True)
class Engines:
    """One or two ways to run the same model.

    Args:
        small: runs few rows.
        large: runs many; None when there is no second one, or it disagreed, or it was never faster.
        crossing: from so many rows on ``large`` runs.
    """

    small: Engine
    large: Engine | None = None
    crossing: int | None = None

    def score(self, matrix: Matrix) -> FloatArray:
        """Score a matrix of shape (n, features), NaN for missing; returns the positive class's score, shape (n,)."""
        if self.large is not None and self.crossing is not None and len(matrix) >= self.crossing:
            return self.large(matrix)
        return self.small(matrix)

    def describe(self) -> dict[str, str]:
        """Say which runs when, for the log and the model's metadata."""
        if self.large is None:
            return {"engine": "onnxruntime"}
        return {"engine": "onnxruntime", "engine_large": "xgboost", "engine_large_from_rows": str(self.crossing)}


def open_engines(bundle: Bundle) -> Engines:
    """Make a bundle's engines ready: compare them on its background rows, and time them.

    A second engine that does not answer like the first within ``TOLERANCE`` is left out, with a warning: the ONNX form
    is the one that the bundle's examples were checked with.
    """
    small = bundle.scorer.score
    path = bundle.path / FILE
    if not path.is_file():
        return Engines(small)
    large = open_booster(path)
    matrix = bundle.transform.apply(bundle.background())
    difference = np.abs(bundle.calibration.apply(small(matrix)) - bundle.calibration.apply(large(matrix)))
    # Written so that NaN disagrees.
    if not difference.max() <= TOLERANCE:
        logger.warning("model.ubj differs from model.onnx by %.1e; serving model.onnx alone", difference.max())
        return Engines(small)
    crossing = crossing_point(small, large, matrix)
    return Engines(small) if crossing is None else Engines(small, large, crossing)


def crossing_point(small: Engine, large: Engine, rows: Matrix) -> int | None:
    """Find the number of rows from which ``large`` is the faster one at every size that was timed.

    Args:
        small: first engine.
        large: second engine.
        rows: real rows, shape (n, features); repeated where a size asks for more.

    Returns:
        One of ``SIZES``, or None when ``large`` is not the faster one at the largest.
    """
    end = time.perf_counter() + BUDGET
    crossing = None
    for size in reversed(SIZES):
        matrix = np.resize(rows, (size, rows.shape[1]))
        if time.perf_counter() > end or _seconds(large, matrix) >= _seconds(small, matrix):
            break
        crossing = size
    return crossing


def _seconds(engine: Engine, matrix: Matrix) -> float:
    # The best of a few: everything that disturbs a timing makes it longer.
    best = float("inf")
    for _ in range(4):
        started = time.perf_counter()
        engine(matrix)
        best = min(best, time.perf_counter() - started)
    return best
